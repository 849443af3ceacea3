import type { SourceFile } from '../adapters/provider/provider.ts';
import { ArchiveFailure } from '../core/failure.ts';
import { failureOf, type Verdict } from '../core/media/recogniser.ts';

/** Throws unless the format agrees and all has come that was announced. */
export function requireWhole(
  { length, isOverlong }: Pick<SourceFile, 'length' | 'isOverlong'>,
  sent: number,
  verdict: Verdict,
): void {
  if (length !== undefined && length !== sent) {
    throw new ArchiveFailure('provider_truncated', `${sent} bytes of the announced ${length}`);
  }
  if (verdict.outcome === 'refused') throw failureOf(verdict);
  if (isOverlong()) {
    throw new ArchiveFailure('provider_overlong', `More than the announced ${length} bytes`);
  }
}

/** Neither the transport nor the format says where the file ends: a connection that broke looks the same. */
export const saysNoEnd = ({ length }: Pick<SourceFile, 'length'>, { whole }: Verdict): boolean =>
  length === undefined && whole === undefined;
