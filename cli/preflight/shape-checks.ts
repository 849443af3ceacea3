import { readMisfits } from '../../adapters/database/app-shape.ts';
import { ok, type PreflightCheck, problem, warning } from './check.ts';
import { many } from './words.ts';

export const columnsCheck: PreflightCheck = {
  name: 'public.tracks has the columns that are needed',
  async run({ read, columns, isInstalled }) {
    if (columns.length === 0) {
      return ok('there is no public.tracks yet: connect makes it');
    }
    const misfits = await readMisfits(read);
    const shown = columns.map(
      ({ name, type, isNullable, isGenerated }) =>
        `${name} ${type}${isNullable ? '' : ' not null'}${isGenerated ? ' generated' : ''}`,
    );
    const details = [shown.join(', ')];
    if (misfits.length > 0) {
      return problem(
        misfits.join('; '),
        'change what is named; a table with other names or types can be mirrored into one that has these',
        details,
      );
    }
    return ok(
      `all${isInstalled ? '' : '; connect adds those that say where its files are'}`,
      details,
    );
  },
};

export const ownerCheck: PreflightCheck = {
  name: 'every track has an owner',
  run({ groups, columns, sample }) {
    const ownerless = groups.reduce((sum, { withoutOwner }) => sum + withoutOwner, 0);
    const isNullable = columns.find(({ name }) => name === 'user_id')?.isNullable === true;
    if (ownerless > 0) {
      return warning(
        `${many(ownerless, 'track', sample.share)} without user_id: without an owner there is no folder, they fail with owner_missing`,
        'set user_id of these tracks, to an account of the app’s own if nobody’s is known: select id from public.tracks where user_id is null',
      );
    }
    return ok(isNullable ? 'all, although user_id may be null' : 'user_id is not null');
  },
};
