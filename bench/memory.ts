import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { archiveMessage } from '../core/message.ts';
import { batchSize } from '../core/timings.ts';
import { type Stack, startStack } from '../local/stack.ts';
import { createApp } from '../local/story/app.ts';

const help = `Usage: npm run bench:memory -- [options]

Passes large videos through the archive Lambda's bundle, in one invocation in a process of its own, and
prints the most resident memory that this process had. Provider, Storage and database run elsewhere.

  --megabytes <n>  size of each video (300)
  --tracks <n>     tracks in the invocation, at most ${batchSize} (1)
  --check          exit 1 if the peak is above 200 MB, or a file did not arrive
  --json           print one line of JSON
  --help           print this
`;

/** Megabytes of resident memory that the process may have at its peak. */
const limit = 200;
const megabyte = 1024 * 1024;

interface Measurement {
  tracks: number;
  videoMegabytes: number;
  peakMegabytes: number;
  limitMegabytes: number;
  seconds: number;
  megabytesPerSecond: number;
  /** Tracks whose video is in Storage with the length that the provider served. */
  arrived: number;
}

/** Records of an SQS event for these tracks. Their receipts are made up: changing their visibility fails, and is only logged. */
const recordsOf = (trackIds: string[]) =>
  trackIds.map((id) => ({
    messageId: randomUUID(),
    receiptHandle: 'bench',
    body: archiveMessage(id, 'manual'),
    attributes: { ApproximateReceiveCount: '1' },
  }));

async function insertTracks(stack: Stack, count: number, megabytes: number): Promise<string[]> {
  const fixture = (name: string) => readFile(join(import.meta.dirname, '../test/fixtures', name));
  const video = Buffer.alloc(megabytes * megabyte);
  (await fixture('video.mp4')).copy(video);
  const app = createApp(stack.database);
  const userId = await app.signUp('bench');
  const base = `https://${stack.provider.hosts[0]}`;
  stack.provider.serve(`${base}/song.mp3`, await fixture('song.mp3'));
  stack.provider.serve(`${base}/video.mp4`, video);
  const ids = Array.from({ length: count }, () => randomUUID());
  for (const id of ids) {
    await app.insert({
      id,
      userId,
      title: 'bench',
      provider: 'suno',
      status: 'completed',
      audioUrl: `${base}/song.mp3`,
      coverUrl: null,
      videoUrl: `${base}/video.mp4`,
    });
  }
  await stack.quiet();
  return ids;
}

async function measure(tracks: number, megabytes: number): Promise<Measurement> {
  const lines: string[] = [];
  const stack = await startStack({ onLog: (line) => lines.push(line) });
  try {
    const ids = await insertTracks(stack, tracks, megabytes);
    lines.length = 0;
    const began = performance.now();
    await stack.functions.archive.invoke({ Records: recordsOf(ids) });
    const seconds = (performance.now() - began) / 1000;
    const { rowCount } = await stack.database.query(
      `select from storage.objects as object join public.tracks as track
         on object.name = track.user_id || '/' || track.id || '.mp4'
       where object.bucket_id = 'tracks-videos' and track.archived_to_storage
         and (object.metadata ->> 'size')::bigint = $1`,
      [megabytes * megabyte],
    );
    return {
      tracks,
      videoMegabytes: megabytes,
      peakMegabytes: peakOf(lines),
      limitMegabytes: limit,
      seconds: Math.round(seconds * 100) / 100,
      megabytesPerSecond: Math.round((tracks * megabytes) / seconds),
      arrived: rowCount ?? 0,
    };
  } finally {
    await stack.stop();
  }
}

/** The peak of the one invocation that was reported, as Lambda's own report has it; sampled every 100 ms. */
function peakOf(lines: string[]): number {
  const reports = lines
    .filter((line) => line.startsWith('{"type":"platform.report"'))
    .map((line) => JSON.parse(line).record.metrics.maxMemoryUsedMB);
  if (reports.length !== 1) throw new Error(`${reports.length} invocations were reported, not one`);
  return Number(reports[0]);
}

interface Options {
  megabytes: number;
  tracks: number;
  check: boolean;
  json: boolean;
  help: boolean;
}

/** Undefined: the arguments make no sense. */
function parseOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        megabytes: { type: 'string', default: '300' },
        tracks: { type: 'string', default: '1' },
        check: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const megabytes = Number(values.megabytes);
    const tracks = Number(values.tracks);
    const valid =
      Number.isInteger(megabytes) && megabytes > 0 && Number.isInteger(tracks) && tracks > 0;
    return valid && tracks <= batchSize ? { ...values, megabytes, tracks } : undefined;
  } catch {
    return undefined;
  }
}

async function main(): Promise<number> {
  const options = parseOptions();
  if (options === undefined || options.help) {
    (options === undefined ? process.stderr : process.stdout).write(help);
    return options === undefined ? 2 : 0;
  }
  const { tracks, megabytes } = options;
  const result = await measure(tracks, megabytes);
  const { peakMegabytes, seconds, megabytesPerSecond, arrived } = result;
  const sentence =
    `${tracks} × ${megabytes} MB video: peak ${peakMegabytes} MB resident (limit ${limit} MB), ` +
    `${seconds} s, ${megabytesPerSecond} MB/s, ${arrived} of ${tracks} arrived`;
  process.stdout.write(`${options.json ? JSON.stringify(result) : sentence}\n`);
  return options.check && (peakMegabytes > limit || arrived !== tracks) ? 1 : 0;
}

process.exitCode = await main();
