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

test('every host of the facts is allowed for its provider', async (t) => {
  const db = await testDatabase(t);
  const rows = await db.query('select provider, allowed_hosts from track_archiving_policies');
  const hosts = Object.fromEntries(rows.map((row) => [row.provider, row.allowed_hosts]));
  for (const [provider, host] of [
    ['suno', 'musicfile.api.box'],
    ['suno', 'musicfile.removeai.ai'],
    ['suno', 'tempfile.aiquickdraw.com'],
    ['suno', 'file.aiquickdraw.com'],
    ['suno', 'apibox.erweima.ai'],
    ['suno', 'mfile.erweima.ai'],
    ['suno', 'audiostream.api.box'],
    ['suno', 'cdn1.suno.ai'],
    ['suno', 'cdn2.suno.ai'],
    ['suno', 'audiopipe.suno.ai'],
    ['kie', 'tempfile.aiquickdraw.com'],
    ['mureka', 'cdn.mureka.ai'],
    ['replicate', 'replicate.delivery'],
    ['replicate', '*.replicate.delivery'],
    ['fal', 'fal.media'],
    ['fal', '*.fal.media'],
  ]) {
    assert.ok(hosts[provider ?? ''].includes(host), `${provider}: ${host}`);
  }
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
