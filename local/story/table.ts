import { dayHeading, type Reporter, staysUp, writeSummary } from './report.ts';
import { describeState, type Row } from './row.ts';

/** The table as lines no wider than `width`. */
export function renderTable(heading: string, rows: Row[], width: number): string[] {
  const lines = rows.map(({ track, about }) =>
    [
      track.title.padEnd(16),
      (track.provider ?? '').padEnd(9),
      describeState(track).padEnd(26),
      about,
    ].join('  '),
  );
  return [heading, '', ...lines].map((line) => [...line].slice(0, width).join(''));
}

/** A table that is redrawn in place on a terminal. */
export function tableReporter(out: NodeJS.WriteStream): Reporter {
  let heading = '';
  let drawn: string[] = [];

  function draw(lines: string[]): void {
    if (lines.join('\n') === drawn.join('\n')) return;
    // Up to the first line that was drawn before, and clear from there to the end of the screen.
    const up = drawn.length > 0 ? `\x1b[${drawn.length}A\x1b[J` : '';
    out.write(`${up}${lines.join('\n')}\n`);
    drawn = lines;
  }

  return {
    progress: (message) => out.write(`${message}\n`),
    day: (day, date, note) => {
      heading = `${dayHeading(day, date)}  ${note}`;
      if (drawn.length === 0) out.write('\n');
    },
    tracks: (rows) => draw(renderTable(heading, rows, (out.columns || 100) - 1)),
    summary: (expectations, addresses) =>
      writeSummary((line) => out.write(`${line}\n`), expectations, addresses),
    waiting: () => out.write(`${staysUp}\n`),
  };
}
