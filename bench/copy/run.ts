import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { batchSize } from '../../core/timings.ts';
import { type LinkName, largeTrack, type TrackFiles, usualTrack } from './ground.ts';
import type { Measured } from './lane.ts';
import {
  bundleLanes,
  type Lane,
  type LaneName,
  laneNames,
  type Servers,
  startLane,
  startServers,
  stopServers,
} from './processes.ts';

/** One turn of a lane: what it copied and what that took. */
export interface Turn extends Measured {
  tracks: number;
}

/** Turns of every lane; those with the same index followed each other closely. */
export type Turns = Record<LaneName, Turn[]>;

export interface Plan {
  files: TrackFiles;
  link: LinkName;
  /** Times that all lanes are started afresh. */
  passes: number;
  /** Turns of every lane in each pass. */
  rounds: number;
  /** Tracks handed over at once. The legacy system takes one after another: fewer show as much. */
  tracks: Record<LaneName, number>;
}

const tenTracks = { ours: batchSize, nodePipe: batchSize, undiciPipe: batchSize };

export const plans: Record<LinkName, Plan> = {
  free: {
    files: usualTrack,
    link: 'free',
    passes: 3,
    rounds: 6,
    tracks: { ...tenTracks, legacy: 2 },
  },
  slow: {
    files: usualTrack,
    link: 'slow',
    passes: 3,
    rounds: 2,
    tracks: { ...tenTracks, legacy: 1 },
  },
};

/** Runs `task` with servers for `files` and the folder of the bundled lanes; both are gone afterwards. */
export async function onGround<Result>(
  files: TrackFiles,
  task: (servers: Servers, directory: string) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'track-archiver-bench-'));
  const servers = await startServers(files);
  try {
    await bundleLanes(directory);
    return await task(servers, directory);
  } finally {
    await stopServers(servers);
    await rm(directory, { recursive: true });
  }
}

/**
 * Lets the lanes take turns. They are all started at first and one alone works at a time, so that
 * whatever else the machine does meets them all alike; who begins changes with every round.
 */
export async function takeTurns(
  plan: Plan,
  servers: Servers,
  directory: string,
  progress: (line: string) => void,
  names: readonly LaneName[] = laneNames,
): Promise<Turns> {
  const turns: Turns = { legacy: [], ours: [], nodePipe: [], undiciPipe: [] };
  for (let pass = 1; pass <= plan.passes; pass++) {
    const lanes = names.map((name) => startLane(name, directory, servers));
    try {
      progress(`${plan.link}: pass ${pass} of ${plan.passes}, warming up`);
      for (const link of warmUp(plan)) {
        for (const lane of lanes) await lane.copy(link, plan.tracks[lane.name]);
      }
      for (let round = 0; round < plan.rounds; round++) {
        progress(
          `${plan.link}: pass ${pass} of ${plan.passes}, round ${round + 1} of ${plan.rounds}`,
        );
        for (const lane of rotated(lanes, round)) {
          const tracks = plan.tracks[lane.name];
          turns[lane.name].push({ tracks, ...(await lane.copy(plan.link, tracks)) });
        }
      }
    } finally {
      await Promise.all(lanes.map((lane) => lane.stop()));
    }
  }
  return turns;
}

/** A Lambda is seldom cold: the turns that V8 needs to compile what is used often are not counted. */
const warmUp = ({ link }: Plan): LinkName[] => ['free', 'free', 'free', link];

const rotated = (lanes: readonly Lane[], by: number): Lane[] =>
  lanes.map((_, index) => lanes[(index + by) % lanes.length] as Lane);

/** Our lane alone with one track whose video is as large as a video may be. */
export const copyLargeTrack = (): Promise<Measured> =>
  onGround(largeTrack, async (servers, directory) => {
    const lane = startLane('ours', directory, servers);
    try {
      return await lane.copy('free', 1);
    } finally {
      await lane.stop();
    }
  });
