import type { Reader } from '../../adapters/database/reader.ts';
import type { Check } from '../connect/doctor.ts';
import { type App, readApp } from './app.ts';
import { lastingChecks } from './checks.ts';

/** The checks of preflight for the doctor: a warning does not fail, and is shown. */
export function doctorChecks(read: Reader): Check[] {
  let app: Promise<App> | undefined;
  return lastingChecks.map((check) => ({
    name: check.name,
    fix: 'npx track-archiver preflight shows more',
    async run() {
      app ??= readApp(read, () => {});
      const { level, summary, fix, details = [] } = await check.run(await app);
      if (level === 'ok') return { ok: true, detail: summary };
      return {
        ok: level !== 'problem',
        level,
        detail: [summary, ...details].join('\n'),
        ...(fix === undefined ? {} : { fix }),
      };
    },
  }));
}
