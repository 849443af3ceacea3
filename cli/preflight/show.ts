import { plain } from '../plain.ts';
import type { PreflightResult } from './check.ts';

const marks = { ok: '✓', warning: '!', problem: '✗' } as const;

/** One check for a person. */
export const showPreflight = ({
  name,
  level,
  summary,
  fix,
  details = [],
}: PreflightResult): string =>
  [
    `${marks[level]} ${name}: ${plain(summary, 2000)}`,
    ...details.map((detail) => `    ${plain(detail, 2000)}`),
    ...(fix === undefined ? [] : [`    fix: ${plain(fix, 2000)}`]),
  ].join('\n');
