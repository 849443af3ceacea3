import type pg from 'pg';

export interface Added {
  name: string;
  rows: number;
  milliseconds: { without: number; with: number };
  ratio: number;
  /** A bound of the ratio, or of the milliseconds that are added. */
  atMost: { ratio: number } | { added: number };
}

export const isReached = ({ milliseconds, ratio, atMost }: Added): boolean =>
  'ratio' in atMost
    ? ratio <= atMost.ratio
    : milliseconds.with - milliseconds.without <= atMost.added;

interface Statement {
  name: string;
  /** Tracks as they are before the statement, if it changes some. */
  before?: string;
  /** A job is made and a webhook signed: once in the life of a track, which no share of an insert could pay for. */
  opensJob?: true;
  /** With `$1`, the ids of the tracks. */
  sql: string;
}

const completing = `status = 'completed', audio_url = 'https://cdn1.suno.ai/new-' || id || '.mp3'`;
const statements: Statement[] = [
  {
    name: 'insert of a track that is begun',
    sql: 'insert into public.tracks select * from begun where id = any ($1)',
  },
  {
    name: 'insert of a completed track',
    opensJob: true,
    sql: 'insert into public.tracks select * from completed where id = any ($1)',
  },
  {
    name: 'update that completes a track',
    opensJob: true,
    before: 'insert into public.tracks select * from begun where id = any ($1)',
    sql: `update public.tracks set ${completing} where id = any ($1)`,
  },
  {
    name: 'any other update',
    before: 'insert into public.tracks select * from begun where id = any ($1)',
    sql: 'update public.tracks set play_count = play_count + 1 where id = any ($1)',
  },
];

/** The lower quartile: what else the machine does falls on the others. */
const quartile = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 4)] ?? Number.NaN;

/** The service's, so that the policies of the app's table cost nothing. */
async function makeRows(client: pg.Client, most: number): Promise<string[]> {
  await client.query(`
    create temp table completed as select * from public.tracks where status = 'completed' limit ${most};
    update completed set id = gen_random_uuid(), created_at = now(), archived_to_storage = false,
      storage_audio_url = null, storage_cover_url = null, storage_video_url = null, archive_scheduled_at = null,
      archived_at = null;
    create temp table begun as select * from completed;
    update begun set status = 'processing', audio_url = null;
    alter table completed add primary key (id);
    alter table begun add primary key (id);
    analyze completed; analyze begun;
    grant select on completed, begun to service_role`);
  const { rows } = await client.query<{ id: string }>('select id from completed');
  return rows.map(({ id }) => id);
}

/** Milliseconds of the statement on each of these sets of tracks, in a transaction that is rolled back. */
async function take(
  client: pg.Client,
  { before, sql }: Statement,
  sets: readonly string[][],
  withTriggers: boolean,
): Promise<number[]> {
  const times: number[] = [];
  await client.query('begin');
  try {
    if (!withTriggers) {
      const { rows } = await client.query<{ tgname: string }>(
        `select tgname from pg_trigger where tgrelid = 'public.tracks'::regclass and tgname like 'track\\_archiving\\_%'`,
      );
      const parts = rows.map(({ tgname }) => `disable trigger ${tgname}`);
      await client.query(`alter table public.tracks ${parts.join(', ')}`);
    }
    await client.query('set local role service_role');
    if (before !== undefined) for (const ids of sets) await client.query(before, [ids]);
    for (const ids of sets) {
      const began = performance.now();
      await client.query(sql, [ids]);
      times.push(performance.now() - began);
    }
  } finally {
    await client.query('rollback');
  }
  return times;
}

/**
 * Each statement with our triggers and, in turn, without them: on the same table, where a transaction that is rolled
 * back has disabled them. Of one row each, and of many at once. The first turn is not counted.
 */
export async function measureTriggers(
  client: pg.Client,
  most: number,
  progress: (message: string) => void,
): Promise<Added[]> {
  const ids = await makeRows(client, most);
  const sizes = [
    { rows: 1, sets: ids.slice(0, 40).map((id) => [id]), turns: 8, ratio: 1.2 },
    { rows: ids.length, sets: [ids], turns: 4, ratio: 1.5 },
  ];
  const results: Added[] = [];
  for (const { rows, sets, turns, ratio: most } of sizes) {
    for (const statement of statements) {
      const times = { with: [] as number[], without: [] as number[] };
      for (let turn = 0; turn < turns; turn += 1) {
        const arms = turn % 2 === 0 ? [true, false] : [false, true];
        for (const arm of arms) {
          const each = await take(client, statement, sets, arm);
          if (turn > 0)
            times[arm ? 'with' : 'without'].push(...each.slice(sets.length > 1 ? 3 : 0));
        }
      }
      const milliseconds = { without: quartile(times.without), with: quartile(times.with) };
      const ratio = milliseconds.with / milliseconds.without;
      const atMost = rows === 1 && statement.opensJob ? { added: 2 } : { ratio: most };
      results.push({ name: statement.name, rows, milliseconds, ratio, atMost });
      progress(`${statement.name}, ${rows}: ${ratio.toFixed(2)}`);
    }
  }
  return results;
}
