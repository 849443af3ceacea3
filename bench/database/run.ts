import pg from 'pg';
import { createSupabaseDatabase } from '../../local/postgres/database.ts';
import { startPostgres } from '../../local/postgres/server.ts';
import { type Adoption, adoptApp } from './adopt.ts';
import { fillApp, fillYear, type Progress } from './fill.ts';
import { explain, type Measured, measure } from './measure.ts';
import type { DatabaseOptions } from './options.ts';
import { queries } from './queries.ts';
import { type Added, measureTriggers } from './triggers.ts';
import { measureWorker } from './worker.ts';

export interface Results {
  tracks: number;
  gigabytes: number;
  archived: number;
  jobs: Record<string, number>;
  adoption: Adoption;
  queries: Measured[];
  /** Whether archive_statistics says what counting every track says. */
  statisticsAreExact: boolean;
  triggers: Added[];
}

/** As on a small machine of Supabase's; what is written does not wait for disks here, which the fill gains from. */
const settings = {
  shared_buffers: '2GB',
  work_mem: '16MB',
  max_wal_size: '16GB',
  checkpoint_timeout: '1h',
  autovacuum: 'off',
};

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  return client;
}

async function contents(client: pg.Client) {
  const { rows } = await client.query(`
    select pg_database_size(current_database()) / 1e9 as gigabytes,
      (select count(*) from public.tracks where archived_to_storage) as archived,
      (select jsonb_object_agg(status, number) from (select status, count(*) as number
        from public.track_archiving_jobs group by status) as jobs) as jobs,
      (select total_archived = (select count(*) from public.tracks where archived_to_storage)
        and pending_archive = (select count(*) from public.track_archiving_jobs as j
          where j.status <> 'completed' and j.is_latest and not j.renews and j.expires_at > now())
        and pending_archive + expired_tracks = (select count(*) from public.tracks
          where status = 'completed' and archived_to_storage is not true)
        from public.archive_statistics) as "statisticsAreExact"`);
  const { gigabytes, archived, jobs, statisticsAreExact } = rows[0];
  return { gigabytes: Number(gigabytes), archived: Number(archived), jobs, statisticsAreExact };
}

export async function run(options: DatabaseOptions, report: Progress): Promise<Results> {
  const { tracks, goal, plans } = options;
  const began = performance.now();
  const progress: Progress = (message) =>
    report(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s  ${message}`);
  const postgres = await startPostgres({ settings });
  try {
    const url = await createSupabaseDatabase(postgres, 'bench');
    const admin = await connect(postgres.url('bench'));
    await fillApp(admin, tracks, progress);
    const adoption = await adoptApp(url, progress);
    await fillYear(admin, progress);
    const found = await contents(admin);
    const client = await connect(url);
    const measured: Measured[] = [];
    for (const query of queries) {
      progress(query.name);
      const plan = plans ? { plan: await explain(admin, query) } : {};
      measured.push({ ...(await measure(client, query)), ...plan });
    }
    progress('one track from its plan to its completion');
    measured.push(...(await measureWorker(client)));
    progress('the triggers');
    const triggers = await measureTriggers(client, Math.min(20_000, tracks), progress);
    await client.end();
    await admin.end();
    const own = (each: Measured) => ({ ...each, atMost: goal ?? each.atMost });
    return { tracks, ...found, adoption, queries: measured.map(own), triggers };
  } finally {
    await postgres.stop();
  }
}
