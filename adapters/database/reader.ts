import type pg from 'pg';

/** Reads rows in a transaction of its own that can write nothing and ends after so many seconds. */
export type Reader = <Row extends pg.QueryResultRow>(
  sql: string,
  values?: unknown[],
  seconds?: number,
) => Promise<Row[]>;

export function createReader(client: pg.ClientBase): Reader {
  return async <Row extends pg.QueryResultRow>(
    sql: string,
    values: unknown[] = [],
    seconds = 10,
  ) => {
    await client.query('begin transaction read only');
    try {
      await client.query(
        `set local statement_timeout = ${Math.round(seconds * 1000)}; set local lock_timeout = '2s';
         set local search_path = pg_catalog, pg_temp`,
      );
      return (await client.query<Row>(sql, values)).rows;
    } finally {
      await client.query('rollback');
    }
  };
}

/** Whether a statement took too long, or a lock did. */
export const isTimeout = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['57014', '55P03'].includes(String(error.code));
