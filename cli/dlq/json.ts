import type { DlqContext } from './context.ts';
import type { Entry } from './entry.ts';
import type { QueueReport } from './report.ts';
import type { QueueSnapshot } from './snapshot.ts';

/** The shapes of `--json`, documented in docs/operating.md. What is unknown is null. */
export const jsonEntry = (entry: Entry) => ({
  queue: entry.queue,
  messageId: entry.letter.id,
  trackId: entry.trackId ?? null,
  title: entry.title ?? null,
  code: entry.code ?? null,
  reason: entry.reason ?? null,
  since: entry.since,
  expiresAt: entry.expiresAt ?? null,
  track: entry.track,
  archivedAt: entry.archivedAt ?? null,
});

export const jsonSnapshot = ({ queue, found, inFlight, entries }: QueueSnapshot) => ({
  queue,
  found,
  inFlight,
  seen: entries.length,
});

export const jsonReport = ({ error, ...report }: QueueReport) => ({
  ...report,
  error: error === undefined ? null : error instanceof Error ? error.message : String(error),
});

export const jsonDatabase = ({ lookup }: DlqContext) => ({ problem: lookup.problem() ?? null });

export const jsonCodes = (entries: readonly Entry[]) =>
  Object.fromEntries(
    [...Map.groupBy(entries, ({ code }) => code ?? 'no code')].map(([code, members]) => [
      code,
      members.length,
    ]),
  );
