import { finished } from 'node:stream/promises';
import type { SourceFile } from '../adapters/provider/provider.ts';
import { type AssetKind, buckets } from '../core/assets.ts';
import { ArchiveFailure, classify, type FailureCode } from '../core/failure.ts';
import type { Verdict } from '../core/media/recogniser.ts';
import { MeasuredBody } from './measured-body.ts';
import { requireWhole, saysNoEnd, suspicion } from './verify-copy.ts';

export interface Inspection {
  outcome: 'accepted' | 'refused';
  extension: string | null;
  mime: string | null;
  /** Null: the format does not say. */
  whole: boolean | null;
  durationSeconds: number | null;
  code: FailureCode | null;
  reason: string | null;
}

/** What the archiver would make of a source, by the code that archives; nothing is stored. */
export async function inspectSource(
  kind: AssetKind,
  open: () => Promise<SourceFile>,
): Promise<Inspection> {
  let verdict: Verdict | undefined;
  let former: string | undefined;
  try {
    for (;;) {
      const seen = await readOnce(kind, await open(), (found) => {
        verdict = found;
      });
      if (!seen.asksAgain || former === seen.sha256) break;
      if (former !== undefined) {
        throw new ArchiveFailure('provider_truncated', 'It sent another file when asked again');
      }
      former = seen.sha256;
    }
    // It would be kept beside instead of at the track's address.
    return inspection('accepted', verdict, suspicion(kind, verdict?.durationSeconds));
  } catch (error) {
    return inspection('refused', verdict, classify(error));
  }
}

async function readOnce(kind: AssetKind, file: SourceFile, found: (verdict: Verdict) => void) {
  const seen = { asksAgain: false, sha256: '' };
  try {
    const body = new MeasuredBody(file, {
      kind,
      limit: buckets[kind].maxBytes,
      check: (verdict, sha256) => {
        found(verdict);
        requireWhole(file, body.bytes, verdict);
        Object.assign(seen, { asksAgain: saysNoEnd(file, verdict), sha256 });
      },
    });
    await finished(body.resume());
    return seen;
  } finally {
    file.close();
  }
}

const inspection = (
  outcome: Inspection['outcome'],
  verdict: Verdict | undefined,
  failure: ArchiveFailure | undefined,
): Inspection => ({
  outcome,
  extension: verdict?.type?.extension ?? null,
  mime: verdict?.type?.mime ?? null,
  whole: verdict?.whole ?? null,
  durationSeconds: verdict?.durationSeconds ?? null,
  code: failure?.code ?? null,
  reason: failure?.message ?? null,
});
