import type { Expectation } from './expectation.ts';
import { describeState, type Row } from './row.ts';

/** What is running: names and values, for a person or a program to look around with. */
export type Addresses = Record<string, string>;

/** Tells the story while it happens. */
export interface Reporter {
  progress(message: string): void;
  /** A new day, or something that happens on it. */
  day(day: number, date: Date, note: string): void;
  /** The present state of every track; called several times a second. */
  tracks(rows: Row[]): void;
  summary(expectations: Expectation[], addresses: Addresses): void;
  /** After the summary, where the stack stays up. */
  waiting(): void;
}

/** Calls `show` for each row that differs from what it was at the last call. */
export function onChange(show: (row: Row) => void): (rows: Row[]) => void {
  const last = new Map<string, string>();
  return (rows) => {
    for (const row of rows) {
      const now = describeState(row.track);
      if (last.get(row.track.id) === now) continue;
      last.set(row.track.id, now);
      show(row);
    }
  };
}

/** Lines as things happen, for a log or a pipe. */
export function lineReporter(write: (line: string) => void): Reporter {
  return {
    progress: (message) => write(message),
    day: (day, date, note) => write(`\n${dayHeading(day, date)}  ${note}`),
    tracks: onChange(({ track }) =>
      write(`  ${track.title.padEnd(16)} ${track.provider ?? ''}  ${describeState(track)}`),
    ),
    summary: (expectations, addresses) => writeSummary(write, expectations, addresses),
    waiting: () => write(staysUp),
  };
}

/** One JSON object a line, each with `event`; the last is the summary. */
export function jsonReporter(write: (line: string) => void): Reporter {
  const event = (name: string, details: object) =>
    write(JSON.stringify({ event: name, ...details }));
  return {
    progress: (message) => event('progress', { message }),
    day: (day, date, note) => event('day', { day, date, note }),
    tracks: onChange(({ track }) => event('track', track)),
    summary: (expectations, addresses) =>
      event('summary', {
        held: expectations.every(({ held }) => held),
        expectations,
        addresses,
      }),
    waiting: () => {},
  };
}

export const staysUp = '\nEverything stays up for looking around. Ctrl-C ends it.';

export const dayHeading = (day: number, date: Date): string =>
  `Day ${String(day).padStart(2)}  ${date.toISOString().slice(0, 10)}`;

export function writeSummary(
  write: (line: string) => void,
  expectations: Expectation[],
  addresses: Addresses,
): void {
  write('\nWhat was expected, and what was found');
  for (const { held, expected, found } of expectations) {
    write(`  ${held ? '✓' : '✗'} ${expected}: ${found}`);
  }
  const failed = expectations.filter(({ held }) => !held).length;
  write(
    failed === 0
      ? `\nAll ${expectations.length} expectations held.`
      : `\n${failed} of ${expectations.length} expectations did not hold.`,
  );
  if (Object.keys(addresses).length === 0) return;
  write('\nWhat runs');
  const width = Math.max(...Object.keys(addresses).map((name) => name.length));
  for (const [name, value] of Object.entries(addresses)) {
    write(`  ${name.padEnd(width)}  ${value}`);
  }
}
