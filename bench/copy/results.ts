import { median } from '../median.ts';
import { bytesOf, type LinkName, megabyte, type TrackFiles } from './ground.ts';
import type { Measured } from './lane.ts';
import { type LaneName, laneNames } from './processes.ts';
import type { Turn, Turns } from './run.ts';

export interface LaneResult {
  megabytesPerSecond: number;
  tracksPerSecond: number;
  cpuSecondsPerGigabyte: number;
  /** The most that any process of the lane had resident. */
  peakMegabytes: number;
}

export interface Target {
  name: string;
  measured: number;
  /** `measured` has to be at least, or at most, this. */
  atLeast?: number;
  atMost?: number;
  reached: boolean;
}

export interface Results {
  lanes: Record<LinkName, Record<LaneName, LaneResult>>;
  largeFile: { megabytes: number; peakMegabytes: number; cpuSecondsPerGigabyte: number };
  /** Of looking at every byte. */
  recognition: { cpuSecondsPerGigabyte: number };
  targets: Target[];
}

const tracksPerSecond = ({ tracks, seconds }: Turn): number => tracks / seconds;

/** How many times as fast `ours` was as `peer`: the median over the rounds, each compared in itself. */
export const speedRatio = (ours: readonly Turn[], peer: readonly Turn[]): number =>
  median(ours.map((turn, round) => tracksPerSecond(turn) / tracksPerSecond(peer[round] as Turn)));

function laneResult(turns: readonly Turn[], trackBytes: number): LaneResult {
  const tracks = median(turns.map(tracksPerSecond));
  const gigabytes = (turn: Turn) => (turn.tracks * trackBytes) / megabyte / 1024;
  return {
    tracksPerSecond: tracks,
    megabytesPerSecond: (tracks * trackBytes) / megabyte,
    cpuSecondsPerGigabyte: median(turns.map((turn) => turn.cpuSeconds / gigabytes(turn))),
    peakMegabytes: Math.max(...turns.map((turn) => turn.peakBytes)) / megabyte,
  };
}

export function results(
  turns: Record<LinkName, Turns>,
  files: TrackFiles,
  large: { files: TrackFiles; measured: Measured },
  recognition: number,
): Results {
  const { free, slow } = turns;
  const perLane = (of: Turns) =>
    Object.fromEntries(
      laneNames.map((name) => [name, laneResult(of[name], bytesOf(files))]),
    ) as Record<LaneName, LaneResult>;
  const lanes = { free: perLane(free), slow: perLane(slow) };
  const largePeak = large.measured.peakBytes / megabyte;
  const largeMegabytes = bytesOf(large.files) / megabyte;
  return {
    lanes,
    largeFile: {
      megabytes: largeMegabytes,
      peakMegabytes: largePeak,
      cpuSecondsPerGigabyte: (large.measured.cpuSeconds / largeMegabytes) * 1024,
    },
    recognition: { cpuSecondsPerGigabyte: recognition },
    targets: [
      atLeast(
        'free link: ours / undici pipe with sha256',
        speedRatio(free.ours, free.undiciPipe),
        0.95,
      ),
      atLeast('slow link: ours / legacy way', speedRatio(slow.ours, slow.legacy), 25),
      atLeast(
        'slow link: ours / Node pipe without a hash',
        speedRatio(slow.ours, slow.nodePipe),
        0.97,
      ),
      atMost(
        'peak resident MB with ten tracks at once',
        Math.max(lanes.free.ours.peakMegabytes, lanes.slow.ours.peakMegabytes),
        200,
      ),
      atMost(
        'CPU a GB: recognition / undici pipe with sha256',
        recognition / lanes.free.undiciPipe.cpuSecondsPerGigabyte,
        0.1,
      ),
      atMost('peak resident MB with a 500 MB file', largePeak, 200),
    ],
  };
}

const atLeast = (name: string, measured: number, limit: number): Target => ({
  name,
  measured,
  atLeast: limit,
  reached: measured >= limit,
});
const atMost = (name: string, measured: number, limit: number): Target => ({
  name,
  measured,
  atMost: limit,
  reached: measured <= limit,
});
