import { goals, longestWait } from './goals.ts';
import type { Results } from './run.ts';
import { isReached } from './triggers.ts';

const row = (title: string, ...cells: string[]): string =>
  `  ${title.padEnd(34)}${cells.map((cell) => cell.padStart(11)).join('')}`;
const milliseconds = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
const missed = (isMissed: boolean): string => (isMissed ? '  MISSED' : '');

/** The results for a reader. */
export function table(results: Results): string {
  const { tracks, gigabytes, archived, jobs, adoption, queries, triggers } = results;
  const { seconds, longestWait: waits } = adoption;
  const counts = Object.entries(jobs).map(([status, number]) => `${number} ${status}`);
  const unreached = goals(results).filter(({ reached }) => !reached);
  return [
    `${tracks} tracks, ${archived} of them archived; jobs: ${counts.join(', ')}; ${gigabytes.toFixed(1)} GB`,
    '',
    row('Queries, warm', 'fastest ms', 'median ms', 'at most', 'rows'),
    ...queries.map(
      (each) =>
        row(
          each.name,
          milliseconds(each.milliseconds),
          milliseconds(each.usual),
          String(each.atMost),
          String(each.rows),
        ) + missed(each.milliseconds > each.atMost),
    ),
    `  statistics are ${results.statisticsAreExact ? 'exact' : 'WRONG'}`,
    '',
    row("The app's own statements", 'rows', 'without ms', 'with ms', 'ratio', 'at most'),
    ...triggers.map(
      (each) =>
        row(
          each.name,
          String(each.rows),
          milliseconds(each.milliseconds.without),
          milliseconds(each.milliseconds.with),
          each.ratio.toFixed(2),
          'ratio' in each.atMost ? String(each.atMost.ratio) : `+ ${each.atMost.added} ms`,
        ) + missed(!isReached(each)),
    ),
    '',
    'Adoption, while the app goes on',
    `  migrations ${seconds.migrations} s, index ${seconds.index} s, walk over all tracks ${seconds.walk} s`,
    `  table ${adoption.rewritten ? 'REWRITTEN' : 'not rewritten'}; ${adoption.webhooks} webhooks, ${adoption.notifications} notifications`,
    `  the longest that the app waited: update ${waits.update} ms, select ${waits.select} ms (at most ${longestWait})`,
    ...queries.flatMap(({ name, plan = [] }) => (plan.length > 0 ? ['', name, ...plan] : [])),
    '',
    unreached.length === 0
      ? 'Every goal is reached.'
      : `Missed: ${unreached.map(({ name }) => name).join('; ')}`,
  ].join('\n');
}
