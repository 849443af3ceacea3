import { setTimeout as wait } from 'node:timers/promises';
import { names } from '../../local/stack/aws-resources.ts';
import { hasUnsentWebhooks } from '../../local/stack/database.ts';
import { insist } from './app.ts';
import { disturb, runSweep } from './disturb.ts';
import { sweepPause } from './disturbances.ts';
import { day, hour, onGrid } from './lifetimes.ts';
import { Random } from './random.ts';
import type { World } from './world.ts';

/** Something that the app does, at its time. */
interface Act {
  at: number;
  /** Real milliseconds: some acts meet a copy that is under way. */
  after: number;
  trackId: string;
  run: () => Promise<unknown>;
}

/** Hours that the archiver is given after the last deadline to come to rest. */
const patience = 3 * day;
/** Real milliseconds after which time goes on although somebody is still at work. */
const longestStep = 60_000;

/**
 * Plays the plan from its beginning until everything is at rest: time jumps to whatever is next, and
 * stands while anybody is at work. Returns whether it came to rest.
 */
export async function play(
  world: World,
  onProgress: (message: string) => void,
): Promise<{ atRest: boolean }> {
  const { plan, mail, app } = world;
  await app.signUp(plan.userIds);
  const acts = actsOf(world);
  const disturbances = [...plan.disturbances];
  let lastShown = 0;
  for (let at = 0; ; at = nextMoment(world, at, acts[0]?.at, disturbances[0]?.at)) {
    await insist(() => world.stack.database.query('select'));
    await world.advanceTo(at);
    mail.deliverLate();
    const harm = Promise.all(takeUntil(disturbances, at).map((each) => disturb(world, each)));
    const deeds = carryOut(takeUntil(acts, at));
    const isSwept =
      at % hour === 0 && !plan.sweepPauses.some((from) => from <= at && at < from + sweepPause);
    await Promise.all([harm, deeds, isSwept ? runSweep(world) : undefined]);
    await quiet(world);
    if (at - lastShown >= day || at === 0) {
      lastShown = at;
      onProgress(await describe(world, at));
    }
    if (at < plan.end) continue;
    const atRest = await isAtRest(world);
    if (atRest || at > plan.end + patience) return { atRest };
  }
}

function actsOf({ plan, app, dateOf }: World): Act[] {
  const acts: Act[] = [];
  for (const track of plan.tracks) {
    const { id, madeAt, completedAt, knownExpiry, deadline, requestedAt, deletedAt } = track;
    const random = new Random(plan.seed, 'acts', id);
    const add = (at: number | undefined, run: () => Promise<unknown>, longest = 0) => {
      if (at !== undefined) acts.push({ at, after: random.whole(0, longest), trackId: id, run });
    };
    const expiry = knownExpiry ? dateOf(deadline) : undefined;
    add(madeAt, () => app.make(track, dateOf(madeAt), expiry));
    if (completedAt !== madeAt) add(completedAt, () => app.complete(track));
    for (const sources of track.sources.slice(1)) {
      add(sources.from, () => app.change(track, sources), 300);
    }
    add(requestedAt, () => app.request(track), 300);
    add(deletedAt, () => app.remove(track), 300);
  }
  return acts.sort((one, other) => one.at - other.at);
}

/** Removes and returns what is due; the list is in the order of time. */
function takeUntil<Due extends { at: number }>(list: Due[], at: number): Due[] {
  const later = list.findIndex((each) => each.at > at);
  return list.splice(0, later === -1 ? list.length : later);
}

/** Those of one track in their order; else a few at a time, and what has to wait waits by itself. */
async function carryOut(acts: Act[]): Promise<void> {
  const byTrack = Map.groupBy(acts, ({ trackId }) => trackId);
  const inOrder = async (group: Act[]) => {
    for (const { after, run } of group) {
      if (after > 0) await wait(after);
      await run();
    }
  };
  const groups = [...byTrack.values()];
  const waiting = groups.filter((group) => group.some(({ after }) => after > 0));
  const rest = groups.filter((group) => !waiting.includes(group)).values();
  const lane = async () => {
    for (const group of rest) await inOrder(group);
  };
  await Promise.all([lane(), lane(), lane(), lane(), ...waiting.map(inOrder)]);
}

/** The next hour, or whatever comes before: something planned, a schedule, a message that comes back. */
function nextMoment(world: World, at: number, ...planned: (number | undefined)[]): number {
  const { stack } = world;
  const elapsed = world.now();
  const fromClock = (time: number | undefined) =>
    time === undefined ? undefined : time - stack.clock.now() + elapsed;
  const inFlight = stack.aws.endpoint
    .queue?.(names.archiveQueue)
    ?.messages.map(({ visibleAt }) => fromClock(visibleAt));
  const moments = [...planned, fromClock(stack.clock.next()), ...(inFlight ?? [])]
    .filter((time) => time !== undefined)
    .map((time) => onGrid(Math.max(time, elapsed + 1)));
  return Math.min(...moments, (Math.floor(elapsed / hour) + 1) * hour, at + hour);
}

/** Waits until nothing more happens unless time passes. */
async function quiet({ stack, supabase, mail, counts }: World): Promise<void> {
  const end = performance.now() + longestStep;
  for (let polls = 0; polls < 3; ) {
    const isQuiet =
      !(await insist(() => hasUnsentWebhooks(stack.database))) &&
      supabase.idle() &&
      mail.idle() &&
      stack.functions.idle();
    polls = isQuiet ? polls + 1 : 0;
    if (performance.now() > end) {
      counts.add('steps that took too long');
      return;
    }
    await wait(10);
  }
}

async function isAtRest({ stack }: World): Promise<boolean> {
  const { rowCount } = await insist(() =>
    stack.database.query(
      `select from public.track_archiving_jobs where next_check_at is not null
       union all
       select from public.tracks as t where t.status = 'completed' and t.archived_to_storage is not true
         and not exists (select from public.track_archiving_jobs as j
           where j.track_id = t.id and j.status = 'failed' and j.is_latest)
       limit 1`,
    ),
  );
  const { messages = [] } = stack.aws.endpoint.queue?.(names.archiveQueue) ?? {};
  return rowCount === 0 && messages.length === 0 && (await stack.scheduleNames()).length === 0;
}

async function describe({ stack, plan }: World, at: number): Promise<string> {
  const { rows } = await insist(() =>
    stack.database.query(
      `select count(*) as made, count(*) filter (where archived_to_storage) as archived from public.tracks`,
    ),
  );
  const { made, archived } = rows[0];
  const days = `${Math.floor(at / day)} of ${Math.ceil(plan.end / day)}`;
  return `day ${days}: ${made} tracks there, ${archived} archived`;
}
