import type pg from 'pg';
import type { Caller } from './keys.ts';

/** One transaction as the caller: role and claims are set for it alone. `rollBack` undoes it at the end. */
export async function asCaller<Result>(
  pool: pg.Pool,
  caller: Caller,
  use: (client: pg.PoolClient) => Promise<Result>,
  options: { readOnly?: boolean; rollBack?: boolean } = {},
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(options.readOnly ? 'begin read only' : 'begin');
    await client.query(
      "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)",
      [caller.role, JSON.stringify(caller.claims)],
    );
    const result = await use(client);
    await client.query(options.rollBack ? 'rollback' : 'commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((cause: Error) => {
      broken = cause;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}
