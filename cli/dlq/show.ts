import type { TrackState } from '../../app/track-state.ts';
import { type FailureRow, failures } from '../../core/failure.ts';
import { plain } from '../plain.ts';
import type { QueueName } from './context.ts';
import { byUrgency, type Entry } from './entry.ts';
import type { QueueReport } from './report.ts';
import type { QueueSnapshot } from './snapshot.ts';

const titles: Record<QueueName, string> = {
  'dead-letter': 'Dead-letter queue',
  'schedule-dead-letter': "EventBridge Scheduler's dead-letter queue",
};

const states: Record<TrackState, string> = {
  archived: 'archived meanwhile',
  deleted: 'deleted',
  not_completed: 'not completed any more',
  failed: 'failed',
  on_its_way: 'another attempt is on its way',
  waiting: 'never attempted',
  unknown: 'state unknown',
};

export const plural = (count: number, noun = 'message'): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Seconds as an operator says them: `3 d 4 h`. */
export function span(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const;
  const whole = Math.max(0, Math.round(seconds));
  const first = units.findIndex(([, size]) => whole >= size);
  if (first === -1) return '0 s';
  let rest = whole;
  const parts = units.slice(first, first + 2).map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? '' : `${count} ${unit}`;
  });
  return parts.filter((part) => part !== '').join(' ');
}

const secondsBetween = (from: Date, to: Date) => (to.getTime() - from.getTime()) / 1000;

function deadline({ expiresAt, now }: Entry): string {
  if (expiresAt === undefined) return 'deadline unknown';
  const left = secondsBetween(now, expiresAt);
  return left > 0 ? `deadline in ${span(left)}` : `deadline passed ${span(-left)} ago`;
}

/** Two lines: what and how urgent, then why. */
function showEntry(entry: Entry): string {
  const { trackId, title, code = 'no code', reason, since, now, track } = entry;
  const name = title === undefined ? '' : ` “${plain(title, 40)}”`;
  const facts = [
    plain(code, 60),
    `${span(secondsBetween(since, now))} ago`,
    ...(trackId === undefined ? [] : [deadline(entry), states[track]]),
  ].join(', ');
  const why = reason === undefined ? '' : `\n      ${plain(reason, 200)}`;
  return `  ${trackId ?? 'not one of ours'}${name}\n    ${facts}${why}`;
}

export function showSnapshot({ queue, inFlight, entries }: QueueSnapshot): string {
  const more = inFlight === 0 ? '' : `; ${inFlight} more in flight, visible again in a while`;
  return [
    `${titles[queue]}: ${plural(entries.length)}${more}`,
    ...entries.toSorted(byUrgency).map(showEntry),
  ].join('\n');
}

/** Entries counted by code, with what an operator should know before acting. */
export function showCodes(entries: readonly Entry[]): string {
  const groups = Map.groupBy(entries, ({ code }) => code ?? 'no code');
  const rows = [...groups].sort(([, a], [, b]) => b.length - a.length);
  return rows
    .map(([code, members]) => {
      const known = (failures as Record<string, FailureRow>)[code];
      const counts = [...Map.groupBy(members, ({ track }) => track)]
        .filter(([track]) => track !== 'unknown')
        .map(([track, each]) => `${each.length} ${states[track]}`);
      const hint = known === undefined ? '' : `\n          ${known.operator}`;
      const state = counts.length === 0 ? '' : ` (${counts.join(', ')})`;
      return `  ${String(members.length).padStart(6)}  ${plain(code, 60)}${state}${hint}`;
    })
    .join('\n');
}

export function showReport(report: QueueReport, verb: string): string {
  const { queue, done, left, inFlight } = report;
  const held =
    left > 0 && inFlight > 0
      ? `; ${inFlight} of them were in flight: run it again in a minute`
      : '';
  return `${titles[queue]}: ${plural(done)} ${verb}, ${left} left${held}`;
}

export const showQueue = (queue: QueueName): string => titles[queue];
