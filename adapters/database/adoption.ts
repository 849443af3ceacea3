import type pg from 'pg';

/** Tracks that one statement walks over. */
const pageSize = 20_000;

/** Whether tracks from before the installation wait for their dates and jobs, or the statistics for their first count. */
export async function isAdopting(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ open: boolean }>(
    `select adopted_up_to is not null or counted_at is null as open from public.track_archiving_settings`,
  );
  return rows[0]?.open === true;
}

/**
 * Walks over the tracks from before the installation, page by page, each a transaction of its own, and makes the
 * statistics exact. Holds no lock that the app would feel; where it is broken off, the next run or the sweep goes on.
 */
export async function adopt(client: pg.ClientBase): Promise<void> {
  await client.query('set statement_timeout = 0');
  for (let looked = pageSize; looked >= pageSize; ) {
    const { rows } = await client.query('select looked from public.adopt_tracks($1)', [pageSize]);
    looked = rows[0]?.looked ?? 0;
  }
  await client.query(
    'select archiver.recount_tracks() from public.track_archiving_settings where counted_at is null',
  );
}
