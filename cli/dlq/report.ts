import type { QueueName } from './context.ts';

/** What became of one queue's messages; `done` is moved or dropped. */
export interface QueueReport {
  queue: QueueName;
  by: 'move_task' | 'one_by_one';
  /** Visible at the beginning. */
  found: number;
  /** In flight at the beginning: nobody could see what they are. */
  inFlight: number;
  selected: number;
  done: number;
  /** Should have been done, or might have been, and is not. */
  left: number;
  error?: unknown;
}

/** As a shell reports the end by SIGINT. */
const interruptedCode = 130;

export const exitCodes = { done: 0, left: 1, usage: 2, interrupted: interruptedCode } as const;

/** Interrupted before everything was done; an interrupt that came too late changes nothing. */
export const isCutShort = (
  reports: readonly QueueReport[],
  queues: number,
  signal: AbortSignal,
): boolean => signal.aborted && (reports.length < queues || reports.some(({ left }) => left > 0));

export function exitCodeOf(
  reports: readonly QueueReport[],
  queues: number,
  signal: AbortSignal,
): number {
  if (isCutShort(reports, queues, signal)) return exitCodes.interrupted;
  return reports.some(({ left, error }) => left > 0 || error !== undefined)
    ? exitCodes.left
    : exitCodes.done;
}
