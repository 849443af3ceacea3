import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AssetKind } from '../../../core/assets.ts';
import { Recogniser, type Verdict } from '../../../core/media/recogniser.ts';

export const read = (name: string) => readFileSync(join(import.meta.dirname, name));
export const fixture = (name: string) => read(`../../fixtures/${name}`);

/** The verdict on a file that arrives in chunks. */
export function recognise(
  kind: AssetKind,
  file: Uint8Array,
  chunk: number = file.length || 1,
): Verdict {
  const recogniser = new Recogniser(kind);
  for (let at = 0; at < file.length; at += chunk) recogniser.push(file.subarray(at, at + chunk));
  return recogniser.end();
}
