import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Captured } from './capture.ts';

/** What shows by its form that it is a secret, whoever made it. */
const forms: [what: string, form: RegExp][] = [
  ['a Supabase secret key', /sb_secret_[\w-]{8,}/],
  ['a JSON Web Token', /eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/],
  ['a webhook secret', /whsec_[A-Za-z0-9+/]{12,}/],
  ['a webhook signature', /v1,[A-Za-z0-9+/]{43}=/],
  ['an address with a password', /\w:\/\/[^\s/:@"'\\]*:[^\s/@"'\\]+@[\w[]/],
  ['a signed address', /very-secret|[?&](signature|sig|token|x-amz-\w+)=(?!…)/i],
  ['an Authorization header', /\b(bearer|basic) [\w+/.=-]{8,}|\bCredential=(?!…)/i],
];

/**
 * Output that is meant to show a key: of a stack that lives as long as the command, for looking around, or
 * of a PostgreSQL that a test started in a process of its own, for that test.
 */
const isMeant = (source: string, line: string): boolean =>
  source === 'start.ts' &&
  (line.startsWith('{"event":"summary"') ||
    line.startsWith('{"directory":') ||
    /^ *(Supabase \w+ key|Postgres|Webhook secret) /.test(line));

export interface Leak {
  source: string;
  what: string;
  /** The line around it, without what must not be shown. */
  line: string;
}

export interface LogReport {
  lines: number;
  /** Number of lines by source. */
  sources: Map<string, number>;
  leaks: Leak[];
}

/** Looks through all that capture.ts kept in a folder for secrets: known forms, remembered values, and `more`. */
export async function searchLogs(directory: string, more: string[] = []): Promise<LogReport> {
  const names = (await readdir(directory)).sort();
  const read = async (kind: string): Promise<unknown[]> => {
    const files = names.filter((name) => name.endsWith(kind));
    const texts = await Promise.all(files.map((name) => readFile(join(directory, name), 'utf8')));
    return texts.map((text) =>
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    );
  };
  const remembered = ((await read('.secrets')) as string[][][]).flat(2);
  const values = spellingsOf([...remembered, ...more]);
  const report: LogReport = { lines: 0, sources: new Map(), leaks: [] };
  for (const process of (await read('.output')) as Captured[][]) {
    for (const { source, text } of joined(process)) {
      for (const line of text.split('\n').filter(Boolean)) {
        report.lines += 1;
        report.sources.set(source, (report.sources.get(source) ?? 0) + 1);
        if (isMeant(source, line)) continue;
        report.leaks.push(...leaksIn(line, values).map((leak) => ({ source, ...leak })));
      }
    }
  }
  return report;
}

const spellingsOf = (values: string[]): string[] => [
  ...new Set(
    values.flatMap((value) => [
      value,
      encodeURIComponent(value),
      Buffer.from(value).toString('base64'),
    ]),
  ),
];

/** The texts of each stream as one, since a secret may be cut in two. */
function joined(parts: Captured[]): Captured[] {
  const streams = new Map<number, Captured>();
  for (const part of parts) {
    const earlier = streams.get(part.stream)?.text ?? '';
    streams.set(part.stream, { ...part, text: earlier + part.text });
  }
  return [...streams.values()];
}

/** The secrets in a line: what has the form of one, and `values`. */
export function leaksIn(line: string, values: readonly string[] = []): Omit<Leak, 'source'>[] {
  const mask = (secret: string) => {
    const at = Math.max(0, line.indexOf(secret) - 100);
    return line.replaceAll(secret, '▇▇▇').slice(at, at + 200);
  };
  const byForm = forms.flatMap(([what, form]) => {
    const found = form.exec(line)?.[0];
    return found === undefined ? [] : [{ what, line: mask(found) }];
  });
  const byValue = values
    .filter((value) => line.includes(value))
    .map((value) => ({ what: 'a secret of the test', line: mask(value) }));
  return [...byForm, ...byValue];
}

/** What a report comes to, in words, and whether it is good; `expected` names who must have written something. */
export function summarize(
  { lines, sources, leaks }: LogReport,
  expected: readonly string[],
): { ok: boolean; text: string } {
  const silent = expected.filter((source) => !sources.has(source));
  const problems = [
    ...leaks.slice(0, 20).map(({ source, what, line }) => `  ${source} shows ${what}: ${line}`),
    ...silent.map((source) => `  nothing of ${source} was captured: who would see a leak there?`),
  ];
  const text = `no secret in ${lines} lines of output (${[...sources.keys()].sort().join(', ')})`;
  if (problems.length === 0) return { ok: true, text: `✔ ${text}` };
  return { ok: false, text: `✖ ${text}\n${problems.join('\n')}` };
}
