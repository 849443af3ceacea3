import { finished } from 'node:stream/promises';
import type { Provider, SourceFile, SourcePolicy } from '../adapters/provider/provider.ts';
import { type AssetKind, buckets } from '../core/assets.ts';
import { ArchiveFailure } from '../core/failure.ts';
import { MeasuredBody } from './measured-body.ts';

export function requireWhole(
  { length, isOverlong }: Pick<SourceFile, 'length' | 'isOverlong'>,
  sent: number,
): void {
  if (length !== undefined && length !== sent) {
    throw new ArchiveFailure('provider_truncated', `${sent} bytes of the announced ${length}`);
  }
  if (isOverlong()) {
    throw new ArchiveFailure('provider_overlong', `More than the announced ${length} bytes`);
  }
}

/** Asks for a file once more and keeps nothing of it: two connections seldom break at the same byte. */
export async function requireSameAgain(
  sha256: string,
  { kind, url, policy }: { kind: AssetKind; url: string; policy: SourcePolicy },
  provider: Pick<Provider, 'open'>,
  signal: AbortSignal,
): Promise<void> {
  const file = await provider.open(url, policy, signal);
  try {
    const body = new MeasuredBody(file, buckets[kind].maxBytes);
    await finished(body.resume());
    if (body.sha256() === sha256) return;
    throw new ArchiveFailure(
      'provider_truncated',
      'The provider does not say where the file ends, and sent another one when asked again',
    );
  } finally {
    file.close();
  }
}
