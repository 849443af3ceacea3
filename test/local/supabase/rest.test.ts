import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { beforeAll, describe, test } from 'vitest';
import type { Gateway } from '../../../local/supabase/gateway.ts';
import { afterSuite } from '../../support/cleanup.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { startBoth } from './postgrest.ts';

const me = '6f1c6b0e-0000-4000-8000-000000000001';

const schema = `
  create table public.songs (
    id int primary key, title text not null unique, length numeric check (length > 0),
    tags text[], details jsonb, made_at timestamptz not null default '2026-01-02 03:04:05.678+00', owner uuid);
  create table public.plays (id int primary key, song_id int not null references public.songs, made_at date);
  create table public.hidden (id int);
  revoke all on public.hidden from anon, authenticated;
  alter table public.songs enable row level security;
  create policy "own" on public.songs to authenticated using (owner = auth.uid()) with check (owner = auth.uid());
  insert into public.songs values
    (1, 'Один, два', 1.50, '{a,b}', '{"bytes": 9007199254740993, "at": {"x": [1, 2]}}', default, '${me}'),
    (2, 'b.c', 20, null, null, default, null), (3, 'third', 3, '{}', '{"bytes": 1}', '2026-05-05', null);
  create function public.nothing() returns void language sql as '';
  create function public.sum(_a int, _b int default 10) returns int language sql as 'select _a + _b';
  create function public.ids(_least int) returns setof int language sql as 'select id from public.songs where id >= _least order by id';
  create function public.pairs(_count int) returns table (n int, at timestamptz, words text[]) language sql
    as $$ select n, '2026-01-01'::timestamptz, array['x'] from generate_series(1, _count) n $$;
  create function public.one_song(_id int) returns public.songs language sql as 'select * from public.songs where id = _id';
  create function public.give(_value jsonb, _when timestamptz default null) returns jsonb language sql as 'select _value';
  create function public.fail(_code text) returns int language plpgsql as $$
    begin raise exception 'broken' using errcode = _code, detail = 'so it is', hint = 'fix it'; end $$;
  create function public.forbidden() returns int language sql as 'select 1';
  revoke all on function public.forbidden from public, anon, authenticated;
  create function public.whoami() returns text language sql as $$ select current_user || ':' || coalesce(auth.uid()::text, '-') $$;`;

type Call = (client: SupabaseClient) => PromiseLike<object>;

const reads: Record<string, Call> = {
  'all columns': (client) => client.from('songs').select().order('id'),
  'some columns, renamed and cast': (client) =>
    client
      .from('songs')
      .select('name:title, length::text, details->at->x, bytes:details->>bytes')
      .order('id'),
  'equal and not equal': (client) =>
    client.from('songs').select('id').eq('title', 'b.c').neq('id', 1),
  'a title with a comma': (client) =>
    client.from('songs').select('id').in('title', ['Один, два', 'b.c']).order('id'),
  'less, greater and between': (client) =>
    client
      .from('songs')
      .select('id')
      .gt('length', 1)
      .lte('length', 3)
      .gte('id', 1)
      .lt('id', 9)
      .order('id'),
  'null and not null': (client) =>
    client.from('songs').select('id').is('tags', null).not('title', 'is', null),
  like: (client) => client.from('songs').select('id').ilike('title', 'TH%'),
  'either of two': (client) =>
    client.from('songs').select('id').or('id.eq.1,title.eq.third').order('id'),
  'a JSON path': (client) => client.from('songs').select('id').eq('details->>bytes', '1'),
  'order, limit and offset': (client) =>
    client
      .from('songs')
      .select('id')
      .order('tags', { ascending: false, nullsFirst: false })
      .order('id')
      .range(1, 2),
  'a count': (client) => client.from('songs').select('id', { count: 'exact' }).order('id').limit(2),
  'only a count': (client) => client.from('songs').select('*', { count: 'exact', head: true }),
  'one row': (client) => client.from('songs').select().eq('id', 1).single(),
  'one row where there is none': (client) => client.from('songs').select().eq('id', 99).single(),
  'one row where there are several': (client) => client.from('songs').select().single(),
  'perhaps one row': (client) => client.from('songs').select().eq('id', 99).maybeSingle(),
  'an unknown table': (client) => client.from('nowhere').select(),
  'an unknown column': (client) => client.from('songs').select('none'),
  'a value of the wrong type': (client) => client.from('songs').select().eq('owner', 'no uuid'),
  'a table without a grant': (client) => client.from('hidden').select(),
};

const functions: Record<string, Call> = {
  'no result': (client) => client.rpc('nothing'),
  'a scalar, with a default': (client) => client.rpc('sum', { _a: 1 }),
  'a scalar, by name': (client) => client.rpc('sum', { _b: 1, _a: 2 }),
  'a scalar through GET': (client) => client.rpc('sum', { _a: 1, _b: 2 }, { get: true }),
  'a set of scalars': (client) => client.rpc('ids', { _least: 2 }),
  'a table': (client) => client.rpc('pairs', { _count: 2 }),
  'an empty table': (client) => client.rpc('pairs', { _count: 0 }),
  'one row of a table': (client) => client.rpc('pairs', { _count: 1 }).single(),
  'one row of too many': (client) => client.rpc('pairs', { _count: 2 }).single(),
  'some columns of a table': (client) =>
    client
      .rpc('pairs', { _count: 3 })
      .select('n')
      .gt('n', 1)
      .order('n', { ascending: false })
      .limit(1),
  'a row': (client) => client.rpc('one_song', { _id: 1 }),
  'nested JSON and null': (client) =>
    client.rpc('give', { _value: { a: [1, null, 'ж'] }, _when: null }),
  'an argument of the wrong type': (client) => client.rpc('sum', { _a: 'x' }),
  'an unknown function': (client) => client.rpc('nowhere', { b: 1, a: 2 }),
  'an unknown function without arguments': (client) => client.rpc('nowhere'),
  'an unknown argument': (client) => client.rpc('sum', { _a: 1, _z: 2 }),
  'a missing argument': (client) => client.rpc('sum', {}),
  'a raised exception': (client) => client.rpc('fail', { _code: 'P0001' }),
  'a raised status of its own': (client) => client.rpc('fail', { _code: 'PT418' }),
  'a raised unique violation': (client) => client.rpc('fail', { _code: '23505' }),
  'a raised lock timeout': (client) => client.rpc('fail', { _code: '55P03' }),
  'a revoked function': (client) => client.rpc('forbidden'),
  'who asks': (client) => client.rpc('whoami'),
};

const song = { id: 10, title: 'new', length: 1 };
const writes: Record<string, Call> = {
  insert: (client) => client.from('songs').insert(song),
  'insert and return': (client) => client.from('songs').insert(song).select('id, made_at').single(),
  'insert several': (client) =>
    client
      .from('songs')
      .insert([song, { id: 11, title: 'n', length: 2 }])
      .select('id'),
  'insert as oneself': (client) =>
    client
      .from('songs')
      .insert({ ...song, owner: me })
      .select(),
  'insert twice': (client) => client.from('songs').insert({ ...song, id: 1 }),
  'break a check': (client) => client.from('songs').insert({ ...song, length: 0 }),
  'break a foreign key': (client) => client.from('plays').insert({ id: 1, song_id: 99 }),
  'leave out what is required': (client) => client.from('songs').insert({ id: 10 }),
  'insert an unknown column': (client) => client.from('songs').insert({ ...song, none: 1 }),
  update: (client) => client.from('songs').update({ title: 'other' }).eq('id', 1),
  'update and return': (client) =>
    client
      .from('songs')
      .update({ details: { a: 1 }, tags: ['z'] })
      .eq('id', 1)
      .select('id, details, tags'),
  'update nothing': (client) =>
    client.from('songs').update({ title: 'other' }).eq('id', 99).select(),
  'update an unknown column': (client) => client.from('songs').update({ none: 1 }).eq('id', 1),
  delete: (client) => client.from('songs').delete().eq('id', 1),
  'delete and return': (client) => client.from('songs').delete().in('id', [1, 2]).select('id'),
  'write without a grant': (client) => client.from('hidden').insert({ id: 1 }),
};

let db: TestDatabase;
let gateway: Gateway;
let postgrest: string | undefined;
const suite = afterSuite();

beforeAll(async () => {
  db = await testDatabase(suite, { migrated: false });
  await db.query(schema);
  ({ gateway, postgrest } = await startBoth(suite, db, `${tmpdir()}/track-archiver-unused`));
});

const clientAt = (url: string, key: string, rest = '/rest/v1') =>
  createClient(url, key, {
    auth: { persistSession: false },
    global: { fetch: (input, init) => fetch(String(input).replace('/rest/v1', rest), init) },
  });

/** What a caller gets, without what the two servers may word differently: hints that guess at names. */
async function outcome(client: SupabaseClient, call: Call): Promise<object> {
  const { data, error, count, status } = (await call(client)) as Record<string, never>;
  const { code, message, details } = (error ?? {}) as Record<string, unknown>;
  return { data, count, status, error: error && { code, message, details } };
}

async function restoreSongs(): Promise<void> {
  await db.query(`delete from public.songs where true;
    ${schema.slice(schema.indexOf('insert into public.songs'), schema.indexOf('create function public.nothing'))}`);
}

for (const [kind, calls] of Object.entries({ reads, functions, writes })) {
  for (const who of ['anon', 'user', 'service'] as const) {
    describe(`PostgREST and the gateway agree on ${kind}, asked by ${who}`, () => {
      for (const [name, call] of Object.entries(calls)) {
        test(name, async () => {
          const tokens = {
            anon: gateway.keys.anon,
            user: gateway.userToken(me),
            service: gateway.keys.serviceRole,
          };
          const ours = createClient(gateway.url, gateway.keys.anon, {
            auth: { persistSession: false },
            global: { headers: { authorization: `Bearer ${tokens[who]}` } },
          });
          const given = await outcome(ours, call);
          if (kind === 'writes') await restoreSongs();
          if (postgrest === undefined) return;
          const expected = await outcome(clientAt(postgrest, tokens[who], ''), call);
          if (kind === 'writes') await restoreSongs();
          assert.deepEqual(given, expected);
        });
      }
    });
  }
}
