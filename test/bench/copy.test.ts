import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { bytesOf, type TrackFiles, usualTrack } from '../../bench/copy/ground.ts';
import { Pace } from '../../bench/copy/pace.ts';
import { laneNames, startLane } from '../../bench/copy/processes.ts';
import { recognitionCost } from '../../bench/copy/recognition.ts';
import { results } from '../../bench/copy/results.ts';
import { onGround, type Plan, type Turn, type Turns, takeTurns } from '../../bench/copy/run.ts';
import { table } from '../../bench/copy/table.ts';

const small: TrackFiles = { audio: 300_000, cover: 12_000, video: 500_000 };

test('every lane takes its turn on both links, and all that it copies arrives', async () => {
  const tracks = { legacy: 1, ours: 3, nodePipe: 3, undiciPipe: 3 };
  const plan: Plan = { files: small, link: 'slow', passes: 1, rounds: 2, tracks };
  const lines: string[] = [];
  const turns = await onGround(small, (servers, directory) =>
    takeTurns(plan, servers, directory, (line) => lines.push(line)),
  );
  for (const name of laneNames) {
    assert.equal(turns[name].length, 2);
    for (const turn of turns[name]) {
      assert.equal(turn.tracks, tracks[name]);
      assert.ok(turn.seconds > 0 && turn.cpuSeconds > 0 && turn.peakBytes > 0);
    }
  }
  assert.equal(lines.length, 3);
});

test('a lane that does not deliver every file whole is an error', async () => {
  await onGround(small, async (servers, directory) => {
    const lane = startLane('ours', directory, { ...servers, files: { ...small, video: 1 } });
    await assert.rejects(
      lane.copy('free', 1),
      /ours: 3 files of 812000 bytes arrived, not 3 of 312001/,
    );
    await lane.stop();
  });
});

test('a lane that fails is an error, not a wait', async () => {
  await onGround(small, async (servers, directory) => {
    const nowhere = { free: 1, slow: 1 };
    const ports = { provider: servers.ports.provider, supabase: nowhere };
    const lane = startLane('nodePipe', directory, { ...servers, ports });
    await assert.rejects(lane.copy('free', 1), /ended with code/);
    await lane.stop();
  });
});

test('a connection keeps its pace, and may catch up with a tenth of a second', () => {
  let now = 0;
  const pace = new Pace(1_000_000, () => now);
  assert.equal(pace.pass(4000), 4);
  now = 4;
  assert.equal(pace.pass(4000), 4);
  now = 10_000;
  assert.equal(pace.pass(100_000), 0);
  assert.equal(pace.pass(1000), 1);
});

test('what the recogniser costs is measured on files that it accepts', () => {
  const cost = recognitionCost({ ...small, audio: 3_000_000, cover: 100_000 });
  assert.ok(cost > 0 && cost < 60, `${cost} CPU s/GB`);
});

describe('the results', () => {
  const turn = (seconds: number, tracks = 10): Turn => ({
    tracks,
    seconds,
    cpuSeconds: 1,
    peakBytes: 100 * 1024 * 1024,
  });
  const turns = (ours: number, slowest: number): Turns => ({
    legacy: [turn(slowest, 1), turn(slowest, 1)],
    ours: [turn(ours), turn(2 * ours)],
    nodePipe: [turn(1), turn(2)],
    undiciPipe: [turn(1), turn(2)],
  });
  const gigabytes = (10 * bytesOf(usualTrack)) / 1024 ** 3;
  const reached = (free: number, slow: number, peakMegabytes: number, recognition = 0.05) => {
    const measured = { ...turn(1), peakBytes: peakMegabytes * 1024 * 1024 };
    const large = { files: { video: 1024 * 1024 }, measured };
    const taken = { free: turns(free, 1), slow: turns(slow, 4) };
    return results(taken, usualTrack, large, recognition / gigabytes);
  };

  test('compare lanes within each round, so that a slow round of both tells nothing', () => {
    const { targets, lanes } = reached(1.25, 1, 150);
    assert.deepEqual(
      targets.map(({ measured }) => Number(measured.toFixed(6))),
      [0.8, 30, 1, 100, 0.05, 150],
    );
    assert.equal(lanes.free.ours.tracksPerSecond, (10 / 1.25 + 10 / 2.5) / 2);
    assert.equal(lanes.slow.ours.cpuSecondsPerGigabyte, 1 / gigabytes);
  });

  test('say which targets are missed', () => {
    const missed = (all: ReturnType<typeof reached>) =>
      all.targets.flatMap((target, index) => (target.reached ? [] : [index]));
    assert.deepEqual(missed(reached(1, 1, 200)), []);
    assert.deepEqual(missed(reached(1.06, 1, 200)), [0]);
    assert.deepEqual(missed(reached(1, 1.04, 200)), [2]);
    assert.deepEqual(missed(reached(1, 1.3, 200.1)), [1, 2, 5]);
    assert.deepEqual(missed(reached(1, 1, 200, 0.11)), [4]);
    assert.match(table(reached(1.25, 1, 150)), /0\.800 {2}\(at least 0\.95\) {2}MISSED/);
    assert.doesNotMatch(table(reached(1, 1, 150)), /MISSED/);
  });
});
