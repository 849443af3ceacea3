import type { Reader } from './reader.ts';

/** A table, and how much of it is read. */
export interface Sample {
  /** Of the whole table; an estimate unless all of it is read. */
  rows: number;
  /** From 0 to 1. */
  share: number;
  /** What stands between the table and its alias. */
  clause: string;
}

/** Blocks of 8 kB that are read: about 250 MB. A smaller table is read as a whole. */
const mostBlocks = 32_000;

/** `table` is quoted already. Catalogue only. */
export async function planSample(
  read: Reader,
  table: string,
  blocks = mostBlocks,
): Promise<Sample> {
  const rows = await read<{ bytes: number; tuples: number; pages: number }>(
    `select coalesce(sum(pg_relation_size(c.oid)), 0)::float8 as bytes,
       coalesce(sum(greatest(c.reltuples, 0)), 0)::float8 as tuples,
       coalesce(sum(c.relpages) filter (where c.reltuples >= 0), 0)::float8 as pages
     from pg_class as c
     where c.oid = to_regclass($1) or c.oid in (select relid from pg_partition_tree(to_regclass($1)))`,
    [table],
  );
  const { bytes = 0, tuples = 0, pages = 0 } = rows[0] ?? {};
  // As the planner does: rows a page as last analysed, times the pages of today.
  const perPage = pages > 0 && tuples > 0 ? tuples / pages : 8;
  const found = bytes / 8192;
  const estimate = Math.round(found * perPage);
  if (found <= blocks) return { rows: estimate, share: 1, clause: '' };
  return sampleOf(estimate, blocks / found);
}

/** Where the first one took too long. */
export const smaller = ({ rows, share }: Sample): Sample => sampleOf(rows, share / 20);

/** The same blocks at each run, so that two runs can be compared. */
const sampleOf = (rows: number, share: number): Sample => ({
  rows,
  share,
  clause: ` tablesample system (${(share * 100).toPrecision(4)}) repeatable (1)`,
});
