import type { AssetKind } from './assets.ts';
import type { ArchiveFailure } from './failure.ts';

/**
 * The failure that decides what becomes of a track. Without audio there is nothing to wait for; otherwise
 * one file that may still be saved keeps the track alive, whatever is lost besides.
 */
export function decisiveFailure(
  files: readonly { kind: AssetKind; failure?: ArchiveFailure }[],
): ArchiveFailure | undefined {
  const failed = files.filter(({ failure }) => failure !== undefined);
  const decisive =
    failed.find(({ failure }) => failure?.disposition === 'ignore') ??
    failed.find(({ kind }) => kind === 'audio') ??
    failed.find(({ failure }) => failure?.disposition === 'retry') ??
    failed.find(({ failure }) => failure?.disposition === 'ask-again') ??
    failed[0];
  return decisive?.failure;
}
