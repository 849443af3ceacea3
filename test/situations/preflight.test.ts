import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { connectFirst, resultsOf, startWorld, supabaseKey } from '../cli/connect/world.ts';
import { fillApp, found, preflightOf, runPreflight } from '../cli/preflight/world.ts';
import type { Cleanup } from '../support/cleanup.ts';

async function startApp(t: Cleanup) {
  const world = await startWorld(t, { migrated: false });
  await fillApp(world.database);
  return world;
}

const key = { SUPABASE_SECRET_KEY: supabaseKey };

test('situation 39: notifications that have no `warning` are told by preflight, connect and the doctor, with a type that fits', async (t) => {
  const world = await startApp(t);
  const { fix, text } = found(await preflightOf(world.database.url), 'can be notified');
  assert.match(text, /refuses the type warning and success: no owner would be told/);
  const [, statement = ''] = /^after connecting: (update .*)$/.exec(fix) ?? [];
  const connected = await connectFirst(world);
  assert.equal(connected.code, 0, connected.output);
  assert.match(
    connected.output,
    /^! owners can be notified: .*\n.*\n.*\n {4}fix: after connecting/m,
  );
  const doctor = async () =>
    resultsOf(await world.run(['--check', '--json'])).find(
      ({ name }) => name === 'owners can be notified',
    );
  assert.equal((await doctor())?.ok, false);
  await world.database.query(statement);
  assert.equal((await doctor())?.ok, true);
});

describe('situation 40: an app that does not fit is named before anything changes', () => {
  const table = (
    columns: string,
  ) => `create table public.tracks (id uuid primary key, user_id uuid, title text,
    status text, provider text, audio_url text, cover_url text, video_url text, metadata jsonb, created_at timestamptz${columns})`;
  const misfits: [what: string, sql: string, named: RegExp][] = [
    [
      'an enum without completed',
      `create type public.song_state as enum ('new', 'done'); ${table('').replace('status text', 'status public.song_state')}`,
      /status is an enum without completed: new, done/,
    ],
    [
      'a generated column',
      table(', raw text, extra text').replace(
        'audio_url text',
        "audio_url text generated always as (raw || '.mp3') stored",
      ),
      /column audio_url is generated/,
    ],
    ['bigint ids', table('').replace('id uuid', 'id bigint'), /column id is bigint, not uuid/],
    [
      'a view',
      `${table('').replace('public.tracks', 'public.songs')}; create view public.tracks as select * from public.songs`,
      /it is not a table/,
    ],
    [
      'a column of ours that is of another type',
      table(', archived_to_storage text'),
      /column archived_to_storage is text, not boolean/,
    ],
  ];
  for (const [what, sql, named] of misfits) {
    test(`situation 40: ${what}`, async (t) => {
      const world = await startWorld(t, { migrated: false });
      await world.database.query(sql);
      const alone = await runPreflight(world.database.url);
      assert.equal(alone.code, 1, alone.output + alone.errors);
      assert.match(alone.output, named);
      const { code, output } = await world.run([], key);
      assert.equal(code, 1, output);
      assert.match(output, named);
      assert.match(output, /✗ look whether the app fits .*Nothing was changed/);
      assert.equal(world.aws.secret, undefined);
      const [left] = await world.database.query(
        `select to_regnamespace('archiver') as schema, count(*)::int as columns from information_schema.columns
         where table_name = 'tracks' and column_name in ('archived_at', 'archive_scheduled_at')`,
      );
      assert.deepEqual(left, { schema: null, columns: 0 });
    });
  }
});

test('situation 41: policies that let users write to the files of others are told by connect and by the doctor', async (t) => {
  const world = await startApp(t);
  const connected = await connectFirst(world);
  assert.equal(connected.code, 0, connected.output);
  const name = 'users reach only their own files in Storage';
  assert.match(connected.output, new RegExp(`^! ${name}: 3 policies`, 'm'));
  // What the migration says goes to the person, too.
  assert.match(
    connected.output,
    /^ {4}! the policy "Signed-in users can upload songs" on storage\.objects/m,
  );
  const doctor = async () =>
    resultsOf(await world.run(['--check', '--json'])).find((each) => each.name === name);
  const told = await doctor();
  assert.equal(told?.level, 'warning');
  assert.match(told?.detail ?? '', /“Signed-in users can change covers” lets users update/);
  const closed = { name, ok: true, detail: 'as far as policies on storage.objects say' };
  await world.database.query(told?.fix ?? '');
  assert.deepEqual(await doctor(), closed);
  await world.database.query(
    'create policy "Any bucket" on storage.objects for insert to authenticated with check (owner is null)',
  );
  const again = await doctor();
  assert.match(again?.detail ?? '', /“Any bucket” lets users insert/);
  await world.database.query(again?.fix ?? '');
  assert.deepEqual(await doctor(), closed);
});
