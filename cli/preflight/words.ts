import { plain } from '../plain.ts';

/** A count; of a sample only its first two digits mean something. */
export function amount(count: number, share: number): string {
  const shown = Math.round(share === 1 ? count : Number(count.toPrecision(2)));
  return `${share === 1 ? '' : 'about '}${shown.toLocaleString('en-US')}`;
}

export const many = (count: number, noun: string, share = 1): string =>
  `${amount(count, share)} ${noun}${count === 1 ? '' : 's'}`;

/** What a row holds, in quotes. */
export const quoted = (text: string | null): string =>
  text === null ? 'null' : `“${plain(text, 80)}”`;

const most = 8;

/** The first of many lines, and how many more there are. */
export const first = (lines: string[]): string[] =>
  lines.length <= most
    ? lines
    : [...lines.slice(0, most), `and ${(lines.length - most).toLocaleString('en-US')} more`];

/** Sums `count` by a key; the largest first. */
export function tally<Row>(
  rows: Row[],
  key: (row: Row) => string,
  count: (row: Row) => number,
): [string, number][] {
  const sums = new Map<string, number>();
  for (const row of rows) sums.set(key(row), (sums.get(key(row)) ?? 0) + count(row));
  return [...sums].filter(([, sum]) => sum > 0).sort((a, b) => b[1] - a[1]);
}

/** A literal of SQL, for the statement that a fix suggests. */
export const literal = (text: string): string => `'${plain(text, 200).replaceAll("'", "''")}'`;
