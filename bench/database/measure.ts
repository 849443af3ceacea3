import type pg from 'pg';
import { median } from '../median.ts';

/** A statement, what has to be so before it, and its goal in milliseconds. */
export interface Query {
  name: string;
  sql: string;
  before?: string;
  atMost: number;
}

export interface Measured {
  name: string;
  milliseconds: number;
  usual: number;
  atMost: number;
  rows: number;
  plan?: string[];
}

const rounds = 11;

/**
 * The fastest and the median of some warm rounds, each rolled back, as the service. The first is not counted. Goals are
 * for the fastest: what else the machine does falls on all the others.
 */
export async function measure(client: pg.Client, query: Query): Promise<Measured> {
  const times: number[] = [];
  let rows = 0;
  for (let round = 0; round <= rounds; round += 1) {
    await client.query('begin');
    try {
      if (query.before !== undefined) await client.query(query.before);
      await client.query('set local role service_role');
      const began = performance.now();
      const result = await client.query(query.sql);
      if (round > 0) times.push(performance.now() - began);
      rows = result.rowCount ?? 0;
    } finally {
      await client.query('rollback');
    }
  }
  const { name, atMost } = query;
  return { name, milliseconds: Math.min(...times), usual: median(times), atMost, rows };
}

/** Lines of a plan that say what was read and how. */
const worthReading =
  /Query Text:|Scan|Insert on|Update on|Delete on|Buffers:|Rows Removed|Index Cond/;

/** The plans of all that a statement ran, nested ones too, as auto_explain tells them. `admin`: a superuser. */
export async function explain(admin: pg.Client, query: Query): Promise<string[]> {
  const lines: string[] = [];
  const onNotice = ({ message }: { message?: string | undefined }) => {
    lines.push(...(message ?? '').split('\n'));
  };
  await admin.query(`load 'auto_explain'`);
  await admin.query('begin');
  if (query.before !== undefined) await admin.query(query.before);
  await admin.query(`set local auto_explain.log_min_duration = '1ms';
    set local auto_explain.log_analyze = on; set local auto_explain.log_buffers = on;
    set local auto_explain.log_timing = off; set local auto_explain.log_nested_statements = on;
    set local auto_explain.log_level = notice`);
  admin.on('notice', onNotice);
  try {
    await admin.query(query.sql);
  } finally {
    admin.off('notice', onNotice);
    await admin.query('rollback');
  }
  return lines.filter((line) => worthReading.test(line)).map((line) => line.slice(0, 160));
}
