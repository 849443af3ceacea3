import { setTimeout as delay } from 'node:timers/promises';
import { isMoving, type MoveTask } from '../../adapters/move-tasks.ts';
import type { DlqContext } from './context.ts';
import type { QueueReport } from './report.ts';

/** Milliseconds between two polls of a task. */
const pollInterval = 500;
/** Polls until a cancelled task must have ended. */
const maxPolls = 60;

export interface TaskWork {
  /** Messages a second at most. */
  rate: number;
  signal: AbortSignal;
  onProgress: (moved: number, toMove: number) => void;
  onAttach: () => void;
}

/**
 * Moves everything from the dead-letter queue to the archive queue by a move task of SQS, or watches the one that
 * is running. Cancels it on interrupt, and when it has moved as many as there were at the beginning: what fails
 * again and comes back is not moved a second time. Undefined: this endpoint has no move tasks.
 */
export async function moveByTask(
  { queues, tasks, archiveArn }: Pick<DlqContext, 'queues' | 'tasks' | 'archiveArn'>,
  { rate, signal, onProgress, onAttach }: TaskWork,
): Promise<Omit<QueueReport, 'queue'> | undefined> {
  const queue = queues['dead-letter'];
  const { visible, inFlight } = await queue.counts();
  const before = await tasks.latest(queue.arn);
  const isRunning = before !== undefined && isMoving(before);
  if (isRunning) {
    onAttach();
  } else if (visible === 0) {
    return { by: 'move_task', found: 0, inFlight, selected: 0, done: 0, left: inFlight };
  } else if (!(await tasks.start({ source: queue.arn, destination: archiveArn, rate }))) {
    return undefined;
  }
  const found = isRunning ? (before.toMove ?? before.moved + visible) : visible;

  async function watch(): Promise<MoveTask | undefined> {
    let cancelled = false;
    for (let polls = 0; ; ) {
      const latest = await tasks.latest(queue.arn);
      // A task that was just started may not be listed yet.
      const task = isRunning || latest?.startedAt !== before?.startedAt ? latest : undefined;
      onProgress(task?.moved ?? 0, found);
      if (task !== undefined && !isMoving(task)) return task;
      const isEnough = signal.aborted || (task?.moved ?? 0) >= found;
      if (isEnough && !cancelled && task?.handle !== undefined) {
        await tasks.cancel(task.handle);
        cancelled = true;
        continue;
      }
      if (isEnough) polls += 1;
      if (polls > maxPolls) return task;
      await delay(pollInterval, undefined, signal.aborted ? {} : { signal }).catch(() => {});
    }
  }

  const task = await watch().catch((cause: Error) => {
    const hint = 'The move task may go on by itself: redrive watches it again, --cancel stops it';
    throw Object.assign(new Error(`${cause.message}. ${hint}`, { cause }), { name: cause.name });
  });
  const done = task?.moved ?? 0;
  const left = (task?.status === 'COMPLETED' ? 0 : Math.max(0, found - done)) + inFlight;
  const report = { by: 'move_task', found, inFlight, selected: found, done, left } as const;
  if (task?.status === 'FAILED') {
    return { ...report, error: new Error(`The move task failed: ${task.failure}`) };
  }
  if (task?.status === 'CANCELLED' && left > inFlight && !signal.aborted) {
    return { ...report, error: new Error('Somebody cancelled the move task') };
  }
  return report;
}

export async function requireNoMoveTask({
  queues,
  tasks,
}: Pick<DlqContext, 'queues' | 'tasks'>): Promise<void> {
  const task = await tasks.latest(queues['dead-letter'].arn);
  if (task === undefined || !isMoving(task)) return;
  throw new Error(
    `SQS is moving messages to the archive queue just now, ${task.moved} of ${task.toMove ?? '?'}: receiving them would end that half-way. Watch it with redrive --yes, or stop it with redrive --cancel`,
  );
}

/** Stops the running move task of the dead-letter queue; returns how many it had moved, undefined where none ran. */
export async function cancelTask({
  queues,
  tasks,
}: Pick<DlqContext, 'queues' | 'tasks'>): Promise<number | undefined> {
  const source = queues['dead-letter'].arn;
  const task = await tasks.latest(source);
  if (task?.status !== 'RUNNING' || task.handle === undefined) return undefined;
  await tasks.cancel(task.handle);
  for (let polls = 0; polls < maxPolls; polls += 1) {
    const latest = await tasks.latest(source);
    if (latest !== undefined && !isMoving(latest)) return latest.moved;
    await delay(pollInterval);
  }
  return task.moved;
}
