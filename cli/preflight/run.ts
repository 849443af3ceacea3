import type { Reader } from '../../adapters/database/reader.ts';
import { describeError } from '../../core/describe-error.ts';
import { readApp } from './app.ts';
import { type PreflightCheck, type PreflightResult, problem } from './check.ts';
import { preflightChecks } from './checks.ts';
import { amount } from './words.ts';

export interface PreflightReport {
  /** No check found a problem. */
  ok: boolean;
  checks: PreflightResult[];
  tracks: number;
  /** Part of public.tracks that was read, from 0 to 1; below 1 all numbers are estimates. */
  share: number;
  isInstalled: boolean;
}

interface Options {
  checks?: PreflightCheck[];
  note?: (text: string) => void;
  onResult?: (result: PreflightResult) => void;
}

/** Looks at the app's database and changes nothing. */
export async function runPreflight(
  read: Reader,
  { checks = preflightChecks, note = () => {}, onResult = () => {} }: Options = {},
): Promise<PreflightReport> {
  const app = await readApp(read, note);
  const results: PreflightResult[] = [];
  for (const check of checks) {
    const finding = await Promise.resolve()
      .then(() => check.run(app))
      .catch((error: unknown) =>
        problem(
          `it could not be looked at: ${describeError(error)}`,
          'run it again; with the role postgres',
        ),
      );
    const result = { name: check.name, ...finding };
    results.push(result);
    onResult(result);
  }
  const tracks = app.groups.reduce((sum, group) => sum + group.tracks, 0);
  if (app.sample.share < 1) {
    note(
      `estimated from ${(app.sample.share * 100).toPrecision(2)} % of ${amount(tracks, 0.5)} tracks`,
    );
  }
  return {
    ok: results.every(({ level }) => level !== 'problem'),
    checks: results,
    tracks,
    share: app.sample.share,
    isInstalled: app.isInstalled,
  };
}
