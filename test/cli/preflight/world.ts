import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { PreflightResult } from '../../../cli/preflight/check.ts';
import type { PreflightReport } from '../../../cli/preflight/run.ts';
import type { Cleanup } from '../../support/cleanup.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';

const fixtures = join(import.meta.dirname, '../../situations/app');

/** A database of an app as the one that is replaced, before our migrations. */
export async function appDatabase(t: Cleanup): Promise<TestDatabase> {
  const db = await testDatabase(t, { migrated: false });
  await fillApp(db);
  return db;
}

/** Makes an empty project that app. */
export async function fillApp(db: TestDatabase): Promise<void> {
  for (const name of ['schema', 'rows']) {
    await db.query(readFileSync(join(fixtures, `${name}.sql`), 'utf8'));
  }
}

const command = join(import.meta.dirname, '../../../cli/track-archiver.ts');

export interface Ended {
  code: number | null;
  output: string;
  errors: string;
}

/** Runs `track-archiver preflight`, without anything of AWS. */
export async function runPreflight(url: string | undefined, ...options: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [command, 'preflight', ...options], {
    env: {
      PATH: process.env.PATH ?? '',
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '',
      ...(url === undefined ? {} : { SUPABASE_DB_URL: url }),
    },
  });
  const code = new Promise<number | null>((ended) => child.once('close', ended));
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, output, errors };
}

export async function preflightOf(url: string): Promise<PreflightReport> {
  const ended = await runPreflight(url, '--json');
  return JSON.parse(ended.output);
}

/** The check whose name begins so, as one text. */
export function found(report: { checks: PreflightResult[] }, name: string) {
  const check = report.checks.find((each) => each.name.includes(name));
  if (check === undefined) throw new Error(`no check ${name}`);
  const { level, summary, fix = '', details = [] } = check;
  return { level, fix, text: [summary, ...details].join('\n') };
}
