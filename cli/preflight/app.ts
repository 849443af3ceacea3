import { type Column, readColumns } from '../../adapters/database/app-shape.ts';
import { type Policy, readPolicies } from '../../adapters/database/policies.ts';
import { isTimeout, type Reader } from '../../adapters/database/reader.ts';
import { planSample, type Sample, smaller } from '../../adapters/database/sample.ts';
import { requireRights } from './rights.ts';
import { readSources, type Source } from './sources.ts';
import { readTrackGroups, type TrackGroup } from './track-groups.ts';

/** What the checks look at: read once, lazily, and never written. */
export interface App {
  read: Reader;
  /** Says what is being read, where that may take long. */
  note: (text: string) => void;
  /** Our migrations were applied. */
  isInstalled: boolean;
  /** Of public.tracks; none where there is no such table. */
  columns: Column[];
  policies: Policy[];
  /** Rows of tracks by status and provider. */
  groups: TrackGroup[];
  /** Addresses of tracks by status, provider, kind and host. */
  sources: Source[];
  /** How much of public.tracks the two were read from. */
  sample: Sample;
  /** Runs a query over a table, on a smaller sample where it takes too long. */
  over: <Row>(
    table: string,
    use: (sample: Sample) => Promise<Row>,
    blocks?: number,
  ) => Promise<[Row, Sample]>;
}

/** Whether a table is there. */
export async function exists(read: Reader, table: string): Promise<boolean> {
  const [row] = await read<{ there: boolean }>('select to_regclass($1) is not null as there', [
    table,
  ]);
  return row?.there === true;
}

export async function readApp(read: Reader, note: (text: string) => void): Promise<App> {
  await requireRights(read);
  const over: App['over'] = async (table, use, blocks) => {
    for (let sample = await planSample(read, table, blocks); ; sample = smaller(sample)) {
      try {
        return [await use(sample), sample];
      } catch (error) {
        if (!isTimeout(error) || sample.share < 1e-4) throw error;
        note(`${table}: that took too long, trying a smaller sample`);
      }
    }
  };
  const isInstalled = await exists(read, 'public.track_archiving_policies');
  const columns = await readColumns(read, 'public.tracks');
  const policies = await readPolicies(read, isInstalled);
  const isTable = columns.length > 0 && (await isOrdinaryTable(read));
  const nothing: [never[], Sample] = [[], { rows: 0, share: 1, clause: '' }];
  if (isTable) note('reading public.tracks: states and dates');
  const [groups, sample] = isTable
    ? await over('public.tracks', (each) => readTrackGroups(read, columns, policies, each))
    : nothing;
  if (isTable) note('reading public.tracks: addresses');
  const [sources] = isTable
    ? await over('public.tracks', (each) => readSources(read, columns, each))
    : nothing;
  return { read, note, isInstalled, columns, policies, groups, sources, sample, over };
}

/** A view or a foreign table cannot be sampled, and would not do anyway. */
async function isOrdinaryTable(read: Reader): Promise<boolean> {
  const rows = await read(
    `select from pg_class where oid = to_regclass('public.tracks') and relkind in ('r', 'p')`,
  );
  return rows.length > 0;
}
