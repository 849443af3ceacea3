import { type Bucket, readBuckets } from '../../adapters/database/inventory.ts';
import type { Reader } from '../../adapters/database/reader.ts';
import { assetKinds, buckets } from '../../core/assets.ts';
import { storedMimes } from '../../core/media/recogniser.ts';
import type { Check } from './doctor.ts';

/** Whether the buckets take what the archive Lambda puts into them, and no more than it expects. */
export const bucketCheck = (read: Reader): Check => ({
  name: 'buckets, their limits and types are right',
  fix: 'set them in Storage → Buckets: public, with these limits (a lower one refuses files, a higher one is not used) and at least these types',
  async run() {
    const found = await readBuckets(read);
    const problems = assetKinds.flatMap((kind) => {
      const { id, maxBytes } = buckets[kind];
      const bucket = found.find((each) => each.id === id);
      return bucket === undefined
        ? [`${id} is missing`]
        : problemsOf(bucket, maxBytes, storedMimes(kind));
    });
    if (problems.length > 0) return { ok: false, detail: problems.join('; ') };
    return { ok: true, detail: assetKinds.map((kind) => buckets[kind].id).join(', ') };
  },
});

function problemsOf(
  { id, isPublic, limit, mimes }: Bucket,
  maxBytes: number,
  stored: string[],
): string[] {
  const problems: string[] = [];
  if (!isPublic) problems.push(`${id} is not public`);
  if (limit !== maxBytes)
    problems.push(`${id} takes ${limit ?? 'any number of'} bytes, not ${maxBytes}`);
  const refused = stored.filter((mime) => !takes(mimes ?? [], mime));
  if (refused.length > 0) problems.push(`${id} refuses ${refused.join(', ')}`);
  return problems;
}

/** As Storage compares them: exactly, or by what stands before the slash; an empty list takes all. */
const takes = (allowed: string[], mime: string): boolean =>
  allowed.length === 0 ||
  allowed.some(
    (each) => each === mime || (each.endsWith('/*') && mime.startsWith(each.slice(0, -1))),
  );
