import type { SourceFile } from '../adapters/provider/provider.ts';
import type { AssetKind } from '../core/assets.ts';
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

/** Why a whole file is not taken for the track's; undefined: nothing speaks against it. */
export function suspicion(
  kind: AssetKind,
  seconds: number | undefined,
  expected: readonly number[] = [],
): ArchiveFailure | undefined {
  if (kind === 'cover' || seconds === undefined) return undefined;
  const least = Math.max(kind === 'audio' ? 1 : 0, ...expected.map((each) => each / 2));
  if (seconds >= least) return undefined;
  const played = `The ${kind} plays for ${seconds.toFixed(1)} s`;
  return new ArchiveFailure(
    'media_suspect',
    expected.length === 0
      ? played
      : `${played}; ${Math.max(...expected).toFixed(1)} s are expected`,
  );
}
