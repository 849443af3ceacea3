import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ConnectReport } from '../../../cli/connect/connect.ts';
import type { CheckResult } from '../../../cli/connect/doctor.ts';
import { startNetWorker } from '../../../local/supabase/net-worker.ts';
import type { Cleanup } from '../../support/cleanup.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { type FakeAws, startFakeAws } from './fake-aws.ts';

export const supabaseUrl = 'https://abcdefgh.supabase.co';
export const supabaseKey = 'sb_secret_of_this_test';

export interface ConnectWorld {
  database: TestDatabase;
  aws: FakeAws;
  /** Runs the command in a process of its own, with the database's address in the environment. */
  run(options?: string[], environment?: Record<string, string>): Promise<Ended>;
}

export interface Ended {
  code: number | null;
  /** Both streams. */
  output: string;
}

/** A Supabase database with its pg_net, and a deployed stack. */
export async function startWorld(
  t: Cleanup,
  options: { migrated?: boolean } = {},
): Promise<ConnectWorld> {
  const database = await testDatabase(t, options);
  const netWorker = await startNetWorker({ databaseUrl: database.adminUrl });
  t.onTestFinished(() => netWorker.stop());
  const aws = await startFakeAws(t, supabaseUrl);
  return {
    database,
    aws,
    run: (parameters = [], environment = {}) =>
      end(parameters, {
        PATH: process.env.PATH ?? '',
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '',
        SUPABASE_DB_URL: database.url,
        AWS_ENDPOINT_URL: aws.url,
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        ...environment,
      }),
  };
}

const command = join(import.meta.dirname, '../../../cli/connect.ts');

async function end(parameters: string[], env: Record<string, string>): Promise<Ended> {
  const child = spawn(process.execPath, [command, ...parameters], { env });
  const code = new Promise<number | null>((ended) => child.once('close', ended));
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, output: output + errors };
}

/** Connects for the first time, with the key in the environment. */
export const connectFirst = (world: ConnectWorld): Promise<Ended> =>
  world.run([], { SUPABASE_SECRET_KEY: supabaseKey });

export const reportOf = (ended: Ended): ConnectReport => JSON.parse(ended.output);
export const resultsOf = (ended: Ended): CheckResult[] => JSON.parse(ended.output).results;
/** Names of the checks that failed. */
export const failedChecks = (ended: Ended): string[] =>
  resultsOf(ended)
    .filter(({ ok }) => !ok)
    .map(({ name }) => name);
