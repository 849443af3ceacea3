import { DatabaseError } from 'pg';
import { HttpError } from './http.ts';
import type { Role } from './keys.ts';

/** PostgREST 12, "Errors from PostgreSQL": the longest prefix of a SQLSTATE decides. */
const statuses: Record<string, number> = {
  '08': 503,
  '09': 500,
  '0L': 403,
  '0P': 403,
  '21': 500,
  '23503': 409,
  '23505': 409,
  '25': 500,
  '25006': 405,
  '28': 403,
  '2D': 500,
  '38': 500,
  '39': 500,
  '3B': 500,
  '40': 500,
  '42883': 404,
  '42P01': 404,
  '42P17': 500,
  '53': 503,
  '53400': 500,
  '54': 500,
  '55': 500,
  '57': 500,
  '58': 500,
  F0: 500,
  HV: 500,
  P0: 500,
  P0001: 400,
  XX: 500,
};

function statusOf(code: string, role: Role): number {
  if (code === '42501') return role === 'anon' ? 401 : 403;
  const custom = /^PT([1-5]\d\d)$/.exec(code)?.[1];
  return Number(custom ?? statuses[code] ?? statuses[code.slice(0, 2)] ?? 400);
}

/** What PostgREST responds where the database refused; anything else is handed back as it is. */
export function restError(error: unknown, role: Role): unknown {
  if (!(error instanceof DatabaseError) || error.code === undefined) return error;
  const { code, message, detail = null, hint = null } = error;
  return new HttpError(statusOf(code, role), { code, details: detail, hint, message });
}
