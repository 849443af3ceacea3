import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '../postgres/leftover.ts';

const prefix = 'track-archiver-stack-';

/**
 * A temporary directory for what the stack keeps in files, named after this process. Those of
 * processes that were killed hard are removed on the way.
 */
export async function makeScratchDirectory(): Promise<string> {
  for (const name of await readdir(tmpdir())) {
    const [, pid] = /^track-archiver-stack-(\d+)-/.exec(name) ?? [];
    if (pid === undefined || isAlive(Number(pid))) continue;
    // Another user's is not ours to remove.
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {});
  }
  return await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
}
