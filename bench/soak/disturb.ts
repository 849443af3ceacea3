import { setTimeout as wait } from 'node:timers/promises';
import { archiveMessage } from '../../core/message.ts';
import { FunctionError } from '../../local/aws/lambda.ts';
import { createQueues, createScheduleGroup, names } from '../../local/stack/aws-resources.ts';
import { insist } from './app.ts';
import type { Disturbance } from './disturbances.ts';
import { Random } from './random.ts';
import type { World } from './world.ts';

/** Does one harm to the running world. */
export async function disturb(world: World, disturbance: Disturbance): Promise<void> {
  const { stack, supabase, counts } = world;
  const { functions } = stack;
  await wait(disturbance.after);
  switch (disturbance.what) {
    case 'kill': {
      const { lambda } = disturbance;
      const running = lambda === 'sweep' ? runSweep(world) : undefined;
      if (running !== undefined) await wait(disturbance.after / 4);
      if (lambda === 'archive') await untilHeld(world);
      if (lambda === 'archive') await noteHeld(world);
      functions[lambda].killAll();
      counts.add(`kills of ${lambda}`);
      return running;
    }
    case 'crash':
      await untilHeld(world);
      counts.add(`crashes of ${disturbance.part}`);
      return disturbance.part === 'gateway' ? supabase.crashGateway() : supabase.crashPostgres();
    case 'wipe':
      counts.add('losses of all of AWS');
      stack.aws.endpoint.wipe?.();
      await createQueues(stack.aws.sqs);
      return createScheduleGroup(stack.aws.scheduler);
    case 'repeat':
      return repeat(world, disturbance.at);
    case 'stray':
      return sendStrays(world, disturbance.at);
    case 'two sweeps':
      await Promise.all([runSweep(world), runSweep(world)]);
      return;
    case 'manual':
      return useDoor(world, disturbance.at);
  }
}

/** The tracks that workers are at. */
async function readHeld({ stack }: World): Promise<string[]> {
  const { rows } = await insist(() =>
    stack.database.query<{ track_id: string }>(
      `select track_id from public.track_archiving_jobs
       where status = 'processing' and lease_expires_at > archiver.clock()`,
    ),
  );
  return rows.map(({ track_id: id }) => id);
}

/** A harm is done in the middle of work, if there is any soon. */
async function untilHeld(world: World): Promise<void> {
  for (let polls = 0; polls < 100 && (await readHeld(world)).length === 0; polls += 1) {
    await wait(20);
  }
}

async function noteHeld(world: World): Promise<void> {
  const { killed, counts } = world;
  const held = await readHeld(world);
  for (const id of held) killed.set(id, (killed.get(id) ?? 0) + 1);
  counts.add('tracks held by killed workers', held.length);
}

async function useDoor({ stack, supabase, plan, counts }: World, at: number): Promise<void> {
  const random = new Random(plan.seed, 'manual', at);
  const asked = random.chance(0.5) ? { limit: 20 } : { trackId: random.pick(plan.tracks).id };
  const response = await fetch(stack.functions.archiveTracksUrl, {
    method: 'POST',
    headers: { authorization: `Bearer ${supabase.secretKey}` },
    body: JSON.stringify(asked),
  });
  await response.arrayBuffer();
  counts.add(`manual endpoint answered ${response.status}`);
}

const archiveQueue = ({ stack }: World) => stack.aws.endpoint.queue?.(names.archiveQueue);

function repeat(world: World, at: number): void {
  const queue = archiveQueue(world);
  const random = new Random(world.plan.seed, 'repeat', at);
  const bodies = queue?.messages.map(({ body }) => body) ?? [];
  for (const body of bodies.filter(() => random.chance(0.3))) {
    queue?.send(body);
    world.counts.add('messages twice');
  }
  // And of tracks that may long be over, or are not due yet.
  for (let more = 0; more < 5; more += 1) {
    queue?.send(archiveMessage(random.pick(world.plan.tracks).id, 'schedule'));
    world.counts.add('messages out of the blue');
  }
}

function sendStrays(world: World, at: number): void {
  const random = new Random(world.plan.seed, 'stray', at);
  const bodies = [
    archiveMessage(random.uuid(), 'manual'),
    '{"v":2,"trackId":"x"}',
    'Hello?',
    `${' '.repeat(1000)}{}`,
  ];
  for (const body of bodies) archiveQueue(world)?.send(body);
  world.counts.add('stray messages', bodies.length);
}

/** An asynchronous invocation that failed is repeated twice by Lambda, after one and two minutes. */
const sweepTries = 3;

/** Runs the sweep as its hourly rule does. */
export async function runSweep({ stack, counts }: World): Promise<void> {
  for (let tries = 1; tries <= sweepTries; tries += 1) {
    counts.add('sweeps');
    try {
      const result = await stack.functions.sweep.invoke({});
      for (const [name, count] of Object.entries(Object(result))) {
        if (Number(count) > 0) counts.add(`sweep: ${name}`, Number(count));
      }
      return;
    } catch (error) {
      if (!(error instanceof FunctionError)) throw error;
      counts.add('sweeps failed');
    }
  }
}
