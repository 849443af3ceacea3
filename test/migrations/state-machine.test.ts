import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { test } from 'vitest';
import { until } from '../support/until.ts';
import { type Known, perform, type Seen } from './state-machine/perform.ts';
import { checkChange, checkRows, Invariants } from './state-machine/rules.ts';
import { history, type SingleStep, type Step } from './state-machine/steps.ts';
import { insertTrack, look, type Snapshot, startWorld, type World } from './state-machine/world.ts';

/** STATE_MACHINE_SEED and STATE_MACHINE_PATH, as a failure prints them, play it again. */
const { STATE_MACHINE_RUNS, STATE_MACHINE_SEED, STATE_MACHINE_PATH } = process.env;
const seed = Number(STATE_MACHINE_SEED ?? Math.floor(Math.random() * 2 ** 31));
const start = Date.UTC(2026, 0, 1);

test('whatever two workers, redeliveries, crashes and the app do to a track, it stays true', async (t) => {
  const world = await startWorld(t);
  await t.annotate(`STATE_MACHINE_SEED=${seed}`);
  const property = fc.asyncProperty(history(40), (steps) => play(world, steps));
  await fc.assert(property, {
    seed,
    numRuns: Number(STATE_MACHINE_RUNS ?? 100),
    ...(STATE_MACHINE_PATH === undefined ? {} : { path: STATE_MACHINE_PATH }),
  });
});

async function play(world: World, steps: Step[]): Promise<void> {
  const known: Known = {
    trackId: randomUUID(),
    workers: [undefined, undefined],
    ghosts: [],
    plan: undefined,
    contents: 0,
    previous: {},
  };
  const invariants = new Invariants();
  let now = start;
  await world.setClock(now);
  await insertTrack(world, world.lanes[0], known.trackId, 0);
  let before = await look(world, known.trackId);
  for (const step of steps) {
    now += step.step === 'pass' ? step.seconds * 1000 : 1;
    await world.setClock(now);
    if (step.step === 'pass') continue;
    if (step.step === 'crash') {
      learn(known, step.worker, undefined);
      continue;
    }
    const seen =
      step.step === 'overlap'
        ? await overlap(world, known, before, step)
        : [await perform(world, world.lanes[0], known, before, step)];
    const after = await look(world, known.trackId);
    for (const each of seen) {
      invariants.check(each, now, before, seen.length === 1 ? after : undefined);
      if (each.kind === 'claim' && 'worker' in each.step)
        learn(known, each.step.worker, each.ticket);
      if (each.kind === 'plan' && each.plan !== undefined) known.plan = each.plan;
    }
    checkRows(after);
    checkChange(before, after, seen.length === 1, now);
    before = after;
  }
  await finish(world, known, before, now);
}

function learn(known: Known, worker: 0 | 1, ticket: Known['workers'][0]): void {
  const old = known.workers[worker];
  if (old !== undefined) known.ghosts.unshift(old);
  known.workers[worker] = ticket;
}

/** The first does its work, the second begins and waits or ends, then the first commits. */
async function overlap(
  world: World,
  known: Known,
  before: Snapshot,
  step: Extract<Step, { step: 'overlap' }>,
): Promise<Seen[]> {
  const [one, two] = world.lanes;
  for (const client of [one.service, one.user]) await client.query('begin');
  const first = await perform(world, one, known, before, step.first);
  let isOver = false;
  const running = perform(world, two, known, before, step.second).finally(() => {
    isOver = true;
  });
  await until(() => isOver || world.waits(two), { interval: 1 });
  for (const client of [one.service, one.user]) await client.query('commit');
  return [first, await running];
}

/**
 * No history leads into a dead end: long after its deadline the sweep takes what is not at its end, and what it then does
 * leads there: archived, or failed for good. Nothing is looked at for ever.
 */
async function finish(world: World, known: Known, last: Snapshot, now: number): Promise<void> {
  const { trackId } = known;
  const { service } = world.lanes[0];
  let snapshot = last;
  for (let round = 1; round <= 10; round += 1) {
    await world.setClock(now + 100 * 86_400_000 + round * 20 * 60_000);
    const taken = await service.query(
      'select * from public.take_stalled_tracks(100000, 100000, 5) where track_id = $1',
      [trackId],
    );
    const action = taken.rows[0]?.action;
    if (action === undefined) break;
    if (action === 'close') {
      await service.query("select public.close_track_archiving($1, 'expired', 'over')", [trackId]);
    } else if (action === 'archive') {
      await service.query("select public.archive_without_optional($1, 'expired')", [trackId]);
    } else if (snapshot.track?.status === 'completed') {
      await archive(world, known, snapshot);
    } else await service.query('select public.plan_track_archiving($1, true)', [trackId]);
    snapshot = await look(world, trackId);
    checkRows(snapshot);
  }
  const { track, jobs } = snapshot;
  assert.deepEqual(
    jobs.filter(({ next_check_at }) => next_check_at !== null),
    [],
    'nothing is looked at for ever',
  );
  const isAtItsEnd = track?.archived_to_storage || jobs.at(-1)?.status === 'failed';
  assert.ok(track?.status !== 'completed' || isAtItsEnd, 'the track is lost');
  await world.database.query('delete from public.tracks where id = $1', [trackId]);
}

async function archive(world: World, known: Known, last: Snapshot): Promise<void> {
  const run = async (step: SingleStep) => {
    const seen = await perform(world, world.lanes[0], known, last, step);
    assert.equal(seen.error, undefined);
    return seen;
  };
  await run({ step: 'plan', retry: true });
  const claimed = await run({ step: 'claim', worker: 0, lease: 930 });
  assert.ok(claimed.kind === 'claim' && claimed.ticket !== undefined, 'it can be claimed');
  known.workers[0] = claimed.ticket;
  await run({ step: 'copy', worker: 0 });
  const hasAudio = claimed.ticket.sources.audio !== null;
  await run({ step: hasAudio ? 'complete' : 'fail', worker: 0 });
}
