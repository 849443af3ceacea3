import { readBuckets } from '../../adapters/database/inventory.ts';
import { assetKinds, buckets } from '../../core/assets.ts';
import { ok, type PreflightCheck, problem, warning } from './check.ts';

/** What the installation would do to buckets that the app has already. */
export const bucketSettingsCheck: PreflightCheck = {
  name: 'buckets of the app keep their settings',
  async run({ read, isInstalled }) {
    const found = await readBuckets(read);
    const wanted = assetKinds.map((kind) => buckets[kind]);
    const own = wanted.flatMap(({ id, maxBytes }) => {
      const bucket = found.find((each) => each.id === id);
      return bucket === undefined ? [] : [{ ...bucket, maxBytes }];
    });
    const details = own.map(
      ({ id, isPublic, limit, mimes }) =>
        `${id}: ${isPublic ? 'public' : 'private'}, ${limit === null ? 'no limit' : megabytes(limit)}, ${mimes?.join(' ') ?? 'all types'}`,
    );
    const closed = own.filter(({ isPublic }) => !isPublic);
    if (closed.length > 0) {
      const names = closed.map(({ id }) => id).join(', ');
      return problem(
        isInstalled
          ? `${names} is private: the addresses that are stored do not work`
          : `${names} is private, and connecting would make all of its files public`,
        'move what is not for everybody into a bucket of another name, then make this one public',
        details,
      );
    }
    const changed = own
      .filter(({ limit, maxBytes }) => limit !== maxBytes)
      .map(({ id, limit, maxBytes }) =>
        isInstalled
          ? `${id} takes ${limit === null ? 'any number of bytes' : megabytes(limit)}, not ${megabytes(maxBytes)}`
          : `the limit of ${id} becomes ${megabytes(maxBytes)}, it was ${limit === null ? 'none' : megabytes(limit)}`,
      );
    if (changed.length > 0) {
      return warning(
        changed.join('; '),
        'uploads of the app that are larger go into a bucket of another name',
        details,
      );
    }
    return ok(own.length === 0 ? 'none of ours is there yet' : 'yes', details);
  },
};

const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MB`;
