import { ok, type PreflightCheck, warning } from './check.ts';
import { amount, first, quoted, tally } from './words.ts';

export const ownStorageCheck: PreflightCheck = {
  name: 'files in the app’s own Storage are there',
  run({ sources, sample }) {
    const own = sources.filter(({ isOwn }) => isOwn);
    if (own.length === 0) return ok('no address leads there');
    const total = own.reduce((sum, { files }) => sum + files, 0);
    const shown = `${amount(total, sample.share)} addresses lead to Supabase Storage already`;
    const missing = own.filter(({ isMissing }) => isMissing);
    if (missing.length === 0) return ok(`${shown}; nothing is copied where they do`);
    return warning(
      `${shown}, and its catalogue has no object for some of them`,
      'put the provider’s address back on the track, or the file into Storage; addresses of another project are not fetched',
      first(
        tally(
          missing,
          ({ kind, example }) => `${kind} such as ${quoted(example)}`,
          ({ files }) => files,
        ).map(([what, count]) => `${what}: ${amount(count, sample.share)}`),
      ),
    );
  },
};
