import { metricWriters } from '../metric-writers.ts';
import { prices } from './prices.ts';
import { usage } from './usage.ts';

export interface CostLine {
  what: string;
  dollars: number;
}

/** Metrics that the stack's alarms read, counted once an alarm; a test holds it to the template. */
export const alarmMetrics = 33;

const megabytesPerGigabyte = 1000;

/** A metric is counted once for each Lambda that writes it. */
const productMetrics = Object.values(metricWriters).flat().length;

/** How many files of each kind a track has. */
export type FilesPerTrack = Record<keyof typeof usage.megabytes, number>;

const oneOfEach: FilesPerTrack = { audio: 1, cover: 1, video: 1 };

/** Gigabytes of so many tracks, all files. */
const gigabytes = (tracks: number, files: FilesPerTrack): number => {
  const { audio, cover, video } = usage.megabytes;
  const megabytes = audio * files.audio + cover * files.cover + video * files.video;
  return (tracks * megabytes) / megabytesPerGigabyte;
};

/** Cost of a month in AWS with so many completed tracks. */
export function awsMonth(tracks: number, files = oneOfEach): CostLine[] {
  const { lambda, schedule, cloudWatch } = prices;
  const enqueue = tracks * usage.webhooks;
  const enqueueSeconds = enqueue * usage.enqueueSeconds * usage.enqueueGigabytes;
  const sweepSeconds = usage.sweeps * usage.sweepSeconds * usage.sweepGigabytes;
  const archiveSeconds = tracks * usage.archiveSeconds * usage.archiveGigabytes;
  return [
    {
      what: 'Lambda',
      dollars:
        (enqueueSeconds + archiveSeconds + sweepSeconds) * lambda.gigabyteSecond +
        (enqueue + tracks + usage.sweeps) * lambda.request,
    },
    {
      what: 'EventBridge Scheduler',
      dollars: Math.max(0, tracks + usage.sweeps - schedule.freeInvocations) * schedule.invocation,
    },
    {
      what: 'SQS',
      dollars: (tracks * usage.queueRequests + usage.idleQueueRequests) * prices.queueRequest,
    },
    { what: 'Secrets Manager', dollars: prices.secret },
    {
      what: 'CloudWatch',
      dollars:
        productMetrics * cloudWatch.metric +
        alarmMetrics * cloudWatch.alarmMetric +
        cloudWatch.dashboard +
        ((tracks * usage.logKilobytes) / 1e6) * cloudWatch.logGigabyte,
    },
    { what: 'Data transfer from AWS to Supabase', dollars: tiered(gigabytes(tracks, files)) },
  ];
}

/** Cost of a month at Supabase when `months` months of so many tracks have been archived. */
export function supabaseMonth(tracks: number, months: number, files = oneOfEach): CostLine[] {
  const { storage, egress } = prices.supabase;
  const stored = gigabytes(tracks * months, files);
  const played = gigabytes(tracks * months * usage.plays, { ...files, video: 0 });
  return [
    {
      what: 'Supabase Storage',
      dollars: Math.max(0, stored - storage.included) * storage.gigabyteMonth,
    },
    {
      what: 'Supabase egress, playback',
      dollars: Math.max(0, played - egress.included) * egress.gigabyte,
    },
  ];
}

/** Price of so many GB, each at the price of its tier. */
function tiered(amount: number): number {
  let below = 0;
  let dollars = 0;
  for (const { upTo, price } of prices.awsEgress) {
    dollars += Math.max(0, Math.min(amount, upTo) - below) * price;
    below = upTo;
  }
  return dollars;
}
