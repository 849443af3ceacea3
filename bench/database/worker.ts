import type pg from 'pg';
import { median } from '../median.ts';
import type { Measured } from './measure.ts';

const atMost = 5;
/** Tracks that go the whole way; the first is not counted. */
const tracks = 21;

const project = 'https://project.example.com';

/** What is done with one track from its webhook to its completion, each step as the service, all rolled back. */
export async function measureWorker(client: pg.Client): Promise<Measured[]> {
  const times: Record<string, number[]> = {};
  const { rows } = await client.query<{ id: string; user_id: string }>(
    `select t.id, t.user_id from public.track_archiving_jobs as j join public.tracks as t on t.id = j.track_id
     where j.status = 'pending' and j.is_latest order by j.due_at limit $1`,
    [tracks],
  );
  for (const [round, { id, user_id: userId }] of rows.entries()) {
    const name = `${userId}/${id}.mp3`;
    const url = `${project}/storage/v1/object/public/tracks-audio/${name}`;
    const step = async (what: string, sql: string, parameters: unknown[]) => {
      const began = performance.now();
      const answer = await client.query(sql, parameters);
      if (round > 0) times[what] = [...(times[what] ?? []), performance.now() - began];
      return answer.rows[0];
    };
    await client.query('begin');
    try {
      await client.query(
        `insert into storage.objects (bucket_id, name, metadata, version) values ('tracks-audio', $1, '{"size": 1000}', 'new')`,
        [name],
      );
      await client.query('set local role service_role');
      const plan = await step('plan', 'select * from public.plan_track_archiving($1)', [id]);
      await step('confirm', `select public.confirm_track_schedule($1, $2, 'queue')`, [
        plan.job_id,
        plan.due_at,
      ]);
      const claim = await step(
        'claim',
        `select * from public.claim_track_archiving($1, 930, 'bench', $2)`,
        [id, project],
      );
      const held = [claim.job_id, claim.fencing_token];
      await step('store', `select public.store_track_asset($1, $2, 'audio', $3, $4)`, [
        ...held,
        url,
        {
          bytes: 1000,
          sha256: '0'.repeat(64),
          content_type: 'audio/mpeg',
          source_host: 'cdn1.suno.ai',
        },
      ]);
      await client.query(
        `select public.store_track_asset($1, $2, 'cover', null, '{"code": "provider_gone"}')`,
        held,
      );
      const done = await step(
        'complete',
        'select public.complete_track_archiving($1, $2) as outcome',
        held,
      );
      if (done.outcome !== 'completed')
        throw new Error(`A track was not completed: ${done.outcome}`);
    } finally {
      await client.query('rollback');
    }
  }
  return Object.entries(times).map(([name, each]) => ({
    name: `${name}, one track`,
    milliseconds: Math.min(...each),
    usual: median(each),
    atMost,
    rows: 1,
  }));
}
