import pg from 'pg';
import { adopt } from '../../adapters/database/adoption.ts';
import { applyMigration, listMigrations } from '../../adapters/database/migrations.ts';
import { putVaultSecret, vaultNames } from '../../adapters/database/vault.ts';
import { createWorklistIndex } from '../../adapters/database/worklist-index.ts';
import type { Progress } from './fill.ts';

export interface Adoption {
  seconds: { migrations: number; index: number; walk: number };
  /** The longest that the app waited for an update of one of its tracks, and for a look at one. */
  longestWait: { update: number; select: number };
  rewritten: boolean;
  webhooks: number;
  notifications: number;
}

/** An app that goes on all the while, on a connection of its own. */
function startApp(client: pg.Client, statement: string) {
  let longest = 0;
  let stopped = false;
  const running = (async () => {
    while (!stopped) {
      const began = performance.now();
      await client.query(statement);
      longest = Math.max(longest, performance.now() - began);
    }
  })();
  running.catch(() => {});
  return async () => {
    stopped = true;
    await running;
    await client.end();
    return Math.round(longest);
  };
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  return client;
}

const first = 'select id from public.tracks order by created_at desc limit 1';

/** Installs the archiver over the app's table as `npm run connect` does. `url`: as the role `postgres`. */
export async function adoptApp(url: string, progress: Progress): Promise<Adoption> {
  const client = await connect(url);
  const count = async (sql: string) => Number((await client.query(sql)).rows[0].value);
  const file = () =>
    count("select relfilenode as value from pg_class where oid = 'public.tracks'::regclass");
  await putVaultSecret(client, vaultNames.url, 'https://enqueue.example.com/');
  await putVaultSecret(
    client,
    vaultNames.secret,
    `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
  );
  const { rows } = await client.query(first);
  const id = pg.escapeLiteral(rows[0].id);
  const before = await file();
  const stopUpdates = startApp(
    await connect(url),
    `update public.tracks set play_count = play_count + 1 where id = ${id}`,
  );
  const stopSelects = startApp(await connect(url), `select from public.tracks where id = ${id}`);
  const took = async (step: () => Promise<unknown>) => {
    const began = performance.now();
    await step();
    return Math.round((performance.now() - began) / 100) / 10;
  };
  progress('migrations');
  const migrations = await took(async () => {
    for (const migration of listMigrations()) await applyMigration(client, migration);
  });
  progress('index of the worklist');
  const index = await took(() => createWorklistIndex(client));
  progress('walk over the tracks');
  const walk = await took(() => adopt(client));
  const longestWait = { update: await stopUpdates(), select: await stopSelects() };
  const adoption = {
    seconds: { migrations, index, walk },
    longestWait,
    rewritten: (await file()) !== before,
    webhooks: await count('select count(*) as value from net.http_request_queue'),
    notifications: await count('select count(*) as value from public.notifications'),
  };
  await client.end();
  return adoption;
}
