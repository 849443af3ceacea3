import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { type ConnectWorld, connectFirst, failedChecks, startWorld } from './world.ts';

const sql = (statement: string) => async (world: ConnectWorld) => {
  await world.database.query(statement);
};

const broken: [check: string[], what: string, spoil: (world: ConnectWorld) => unknown][] = [
  [
    ['triggers are enabled'],
    'a disabled trigger',
    sql('alter table public.tracks disable trigger track_archiving_announce_update'),
  ],
  [
    ['migrations are applied'],
    'a migration that was not recorded',
    sql(
      'delete from supabase_migrations.schema_migrations where version = (select max(version) from supabase_migrations.schema_migrations)',
    ),
  ],
  [
    ['the worklist index is there'],
    'no worklist index',
    sql('drop index public.tracks_archiving_worklist'),
  ],
  [
    ['buckets, their limits and types are right'],
    'a bucket with another limit',
    sql("update storage.buckets set file_size_limit = 1000 where id = 'tracks-audio'"),
  ],
  [
    ['buckets, their limits and types are right'],
    'a bucket that refuses a type of ours',
    sql(
      "update storage.buckets set allowed_mime_types = array_remove(allowed_mime_types, 'image/webp') where id = 'tracks-covers'",
    ),
  ],
  [
    ['buckets, their limits and types are right'],
    'a bucket that is not public',
    sql("update storage.buckets set public = false where id = 'tracks-videos'"),
  ],
  [
    ['the default policy is what the stack says'],
    'no default policy',
    sql("delete from public.track_archiving_policies where provider = '*'"),
  ],
  [
    [
      'the endpoint is reachable',
      'an unsigned webhook is refused',
      'a signed webhook is accepted',
      'clocks agree',
    ],
    'nobody at the endpoint',
    (world) => {
      world.aws.outputs.WebhookUrl = 'http://127.0.0.1:9/';
      return world.database.query(
        "select vault.update_secret(id, 'http://127.0.0.1:9/') from vault.secrets where name = 'track_archiver_webhook_url'",
      );
    },
  ],
  [
    ['clocks agree'],
    'a database two minutes ahead',
    sql(`create or replace function archiver.clock() returns timestamptz language sql stable
      set search_path = '' as $$ select now() + interval '2 minutes' $$`),
  ],
];

describe('the doctor finds each broken thing in the database, and only that', () => {
  for (const [expected, what, spoil] of broken) {
    test(what, async (t) => {
      const world = await startWorld(t);
      await connectFirst(world);
      await spoil(world);
      const ended = await world.run(['--check', '--json']);
      assert.equal(ended.code, 1);
      assert.deepEqual(failedChecks(ended), expected);
    });
  }
});
