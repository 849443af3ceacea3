import type { App } from './app.ts';

/** `problem`: connecting would go wrong, or would archive nothing. `warning`: some tracks or files would be left out. */
export type Level = 'ok' | 'warning' | 'problem';

export interface PreflightFinding {
  level: Level;
  summary: string;
  /** What the operator should do. */
  fix?: string;
  /** One line each; what rows hold is printed as plain text. */
  details?: string[];
}

export interface PreflightResult extends PreflightFinding {
  name: string;
}

export interface PreflightCheck {
  name: string;
  run(app: App): Promise<PreflightFinding> | PreflightFinding;
}

export const ok = (summary: string, details?: string[]): PreflightFinding => ({
  level: 'ok',
  summary,
  ...(details === undefined || details.length === 0 ? {} : { details }),
});

export const warning = (
  summary: string,
  fix: string,
  details: string[] = [],
): PreflightFinding => ({
  level: 'warning',
  summary,
  fix,
  ...(details.length === 0 ? {} : { details }),
});

export const problem = (
  summary: string,
  fix: string,
  details: string[] = [],
): PreflightFinding => ({
  ...warning(summary, fix, details),
  level: 'problem',
});
