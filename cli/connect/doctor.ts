import { describeError } from '../../core/describe-error.ts';
import type { Level } from '../preflight/check.ts';

/** What a check found; `fix` says what the operator should do. */
export interface Finding {
  ok: boolean;
  /** Of a check that preflight has too; a warning is ok, and is shown. */
  level?: Level;
  detail: string;
  fix?: string;
}

export interface Check {
  name: string;
  /** What to do where the check itself breaks off. */
  fix: string;
  run(): Promise<Finding>;
}

export interface CheckResult extends Finding {
  name: string;
}

/** Runs every check, whatever the others find: one that throws has failed. */
export async function examine(
  checks: Check[],
  onResult: (result: CheckResult) => void = () => {},
): Promise<{ ok: boolean; results: CheckResult[] }> {
  const results: CheckResult[] = [];
  for (const { name, fix, run } of checks) {
    const result = await run().then(
      (finding): CheckResult => ({ name, ...(finding.ok ? {} : { fix }), ...finding }),
      (error: unknown): CheckResult => ({ name, ok: false, detail: describeError(error), fix }),
    );
    results.push(result);
    onResult(result);
  }
  return { ok: results.every(({ ok }) => ok), results };
}
