import { DeleteMessageBatchCommand } from '@aws-sdk/client-sqs';
import type { SweepResult } from '../../../app/sweep.ts';
import { receive } from '../archive/deliver.ts';
import { insertTrack } from '../tracks.ts';
import { lambdaContext, loadHandler, type World } from '../world.ts';

export const audio_url = 'https://cdn.provider.example/song.mp3';
export const hour = 3_600_000;
export const hoursAgo = (hours: number) => new Date(Date.now() - hours * hour);
export const due = { audio_url, created_at: hoursAgo(13 * 24 + 1) };
export const expired = { audio_url, created_at: hoursAgo(15 * 24 + 1) };

export const nothing: SweepResult = {
  dispatched: 0,
  scheduled: 0,
  archived: 0,
  expired: 0,
  abandoned: 0,
  ignored: 0,
  postponed: 0,
  failed: 0,
};

export async function sweeper(world: World) {
  await world.database.query("update track_archiving_settings set installed_at = '2020-01-01Z'");
  const handler = await loadHandler<(event: object, context: object) => Promise<SweepResult>>(
    'sweep',
    world,
  );
  return (remaining?: number) => handler({}, lambdaContext(remaining));
}

/** Adds due tracks, the first the most urgent. */
export async function insertMany(world: World, count: number): Promise<string[]> {
  const user = (await insertTrack(world, { audio_url, status: 'processing' })).userId;
  const rows = await world.database.query(
    `insert into tracks (user_id, title, prompt, status, provider, audio_url, created_at)
     select $1, 'T', '', 'completed', 'tester', $2, now() - interval '14 days' + n * interval '1 minute'
     from generate_series(1, $3::integer) as n returning id, created_at`,
    [user, audio_url, count],
  );
  return rows.sort((a, b) => a.created_at - b.created_at).map(({ id }) => id);
}

/** As if the archive Lambda had finished with every message. */
export async function drain(world: World): Promise<void> {
  for (;;) {
    const { Records } = await receive(world);
    if (Records.length === 0) return;
    await world.sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: world.queueUrl,
        Entries: Records.map(({ messageId, receiptHandle }) => ({
          Id: messageId,
          ReceiptHandle: receiptHandle,
        })),
      }),
    );
  }
}

/** Minutes after which a job that nobody planned is looked at. */
export const unplanned = '6 minutes';

/** As if the archive Lambda had met a failure that time may fix, and its message had vanished. */
export const attemptInVain = (world: World, trackId: string) =>
  world.database.query(
    "select release_track_archiving(job_id, fencing_token, 'provider_timeout', '') from claim_track_archiving($1, 60, 'w')",
    [trackId],
  );
