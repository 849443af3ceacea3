import { awsMonth, type CostLine, supabaseMonth } from './estimate.ts';
import { specEstimate } from './usage.ts';

const volumes = [1000, 1_000_000] as const;

const dollars = (amount: number): string =>
  `$${amount.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;

const total = (lines: CostLine[]): number => lines.reduce((sum, line) => sum + line.dollars, 0);

const row = (what: string, cells: number[]): string =>
  `| ${what} | ${cells.map(dollars).join(' | ')} |`;

/** One row for each line, one column for each volume. */
function rows(linesOf: (tracks: number) => CostLine[], suffix = ''): string[] {
  const columns = volumes.map((tracks) => linesOf(tracks));
  return (columns[0] ?? []).map(({ what }, index) =>
    row(
      what + suffix,
      columns.map((lines) => lines[index]?.dollars ?? 0),
    ),
  );
}

/** The cost table of docs/deploy.md, Markdown. */
export function costTable(): string {
  const names = volumes.map((tracks) => `${tracks.toLocaleString('en-US')} tracks a month`);
  const month = (months: number) =>
    volumes.map((tracks) => total(awsMonth(tracks)) + total(supabaseMonth(tracks, months)));
  return [
    `| | ${names.join(' | ')} |`,
    `|---|${volumes.map(() => '---:|').join('')}`,
    ...rows(awsMonth),
    ...rows((tracks) => supabaseMonth(tracks, 1)),
    row('**First month**', month(1)),
    row('*The spec’s own estimate (Storage only)*', volumes.map(specEstimate)),
    ...rows((tracks) => supabaseMonth(tracks, 12), ', twelfth month'),
    row('**Twelfth month**', month(12)),
  ].join('\n');
}

if (import.meta.main) console.log(costTable());
