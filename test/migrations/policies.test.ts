import assert from 'node:assert/strict';
import { test } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { sqlstate } from './app.ts';

test('`*` keeps 15 days, archives after 13 and allows the hosts of all presets', async (t) => {
  const db = await testDatabase(t);
  const [others] =
    await db.query(`select retention = '15 days' and archive_after = '13 days' as spec, allowed_hosts
    from track_archiving_policies where provider = '*'`);
  const [all] = await db.query(`select array_agg(distinct host order by host) as hosts
    from track_archiving_policies, unnest(allowed_hosts) as host where provider <> '*'`);
  assert.equal(others?.spec, true);
  assert.deepEqual(others?.allowed_hosts, all?.hosts);
});

const resold = [
  'musicfile.api.box',
  'musicfile.removeai.ai',
  'tempfile.aiquickdraw.com',
  'file.aiquickdraw.com',
  'apibox.erweima.ai',
  'mfile.erweima.ai',
  'audiostream.api.box',
];

test('the presets of the providers are what this table says', async (t) => {
  const db = await testDatabase(t);
  const rows = await db.query(`select provider, retention::text, archive_after::text, allowed_hosts
    from track_archiving_policies where provider <> '*'`);
  const presets = rows.map(({ provider, retention, archive_after, allowed_hosts }) => [
    provider,
    [`${retention}, archived after ${archive_after}`, ...allowed_hosts],
  ]);
  assert.deepEqual(Object.fromEntries(presets), {
    suno: [
      '15 days, archived after 13 days',
      ...resold,
      'cdn1.suno.ai',
      'cdn2.suno.ai',
      'audiopipe.suno.ai',
    ],
    sunoapi: ['14 days, archived after 12 days', ...resold],
    kie: ['14 days, archived after 12 days', 'tempfile.aiquickdraw.com'],
    mureka: ['15 days, archived after 13 days', 'cdn.mureka.ai'],
    replicate: ['01:00:00, archived after 00:00:00', 'replicate.delivery', '*.replicate.delivery'],
    fal: ['1 day, archived after 00:00:00', 'fal.media', '*.fal.media'],
    alibaba: ['1 day, archived after 00:00:00'],
    higgsfield: ['7 days, archived after 5 days'],
  });
});

test('a policy that makes no sense is refused', async (t) => {
  const db = await testDatabase(t);
  const change = (assignment: string) =>
    sqlstate(db.query(`update track_archiving_policies set ${assignment} where provider = 'suno'`));
  for (const nonsense of [
    "retention = '-1 day'",
    "retention = '0'",
    "archive_after = '16 days'",
    "archive_after = '-1 hour'",
    "provider = 'Suno'",
    "provider = ' suno'",
    "provider = ''",
    "user_agent = ''",
    "user_agent = E'a\\r\\nx-evil: 1'",
    "allowed_hosts = '{https://cdn1.suno.ai}'",
    "allowed_hosts = '{cdn1.suno.ai:443}'",
    "allowed_hosts = '{CDN1.suno.ai}'",
    "allowed_hosts = '{*}'",
    "allowed_hosts = '{*.ai.}'",
    "allowed_hosts = '{localhost}'",
    'allowed_hosts = \'{"a.b c.d"}\'',
    "allowed_hosts = '{cdn1.suno.ai,null}'",
    "allowed_hosts = '{cdn*.suno.ai}'",
    'allowed_hosts = \'{""}\'',
  ]) {
    assert.equal(await change(nonsense), '23514', nonsense);
  }
  for (const sense of ["allowed_hosts = '{}'", "allowed_hosts = '{*.suno.ai,a-b.example}'"]) {
    assert.equal(await change(sense), undefined, sense);
  }
});

test('the planner inlines what is asked of every track, and an expiry that is not there costs no call', async (t) => {
  const db = await testDatabase(t);
  const plan = await db.query(`explain (analyze, verbose) select timing.expires_at
    from public.tracks as t
    cross join lateral archiver.track_timing(t.provider, t.created_at, t.metadata) as timing`);
  const text = plan.map((row) => row['QUERY PLAN']).join('\n');
  assert.doesNotMatch(text, /track_timing/);
  const [parse] = await db.query("select proisstrict from pg_proc where proname = 'parse_expiry'");
  assert.equal(parse?.proisstrict, true);
});
