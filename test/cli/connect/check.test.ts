import assert from 'node:assert/strict';
import { test } from 'vitest';
import { newTrack, newUser, storageUrl } from '../../migrations/app.ts';
import { connectFirst, failedChecks, resultsOf, startWorld } from './world.ts';

test('of a connected system every check holds, and nothing is changed', async (t) => {
  const world = await startWorld(t);
  await connectFirst(world);
  const { secret } = world.aws;
  const ended = await world.run(['--check', '--json']);
  assert.equal(ended.code, 0, ended.output);
  assert.ok(resultsOf(ended).length >= 15);
  assert.equal(world.aws.secret, secret);
  const lines = await world.run(['--check']);
  assert.match(lines.output, /^✓ pg_net is there/m);
  assert.doesNotMatch(lines.output, /✗|mend/);
});

test('a host that no policy allows is told before the tracks that wait for it are due', async (t) => {
  const world = await startWorld(t);
  await connectFirst(world);
  const user = await newUser(world.database);
  const at = (host: string) => ({ audio_url: `https://${host}/a.mp3`, cover_url: null });
  const name = 'the hosts of waiting tracks are allowed';
  const found = async () => {
    const ended = await world.run(['--check', '--json']);
    const { ok, detail } = resultsOf(ended).find((each) => each.name === name) ?? {};
    assert.deepEqual(failedChecks(ended), ok ? [] : [name]);
    return detail;
  };
  await newTrack(world.database, user, {
    ...at('pb.replicate.delivery'),
    provider: 'replicate',
    video_url: storageUrl('video'),
  });
  await newTrack(world.database, user, { ...at('udio.example'), archived_to_storage: true });
  await newTrack(world.database, user, { ...at('udio.example'), status: 'processing' });
  await newTrack(world.database, user, { ...at('udio.example'), created_at: new Date(0) });
  assert.equal(await found(), 'all');
  const [created_at, video_url] = [new Date(Date.now() - 4 * 3_600_000), null];
  await newTrack(world.database, user, { ...at('CDN.udio.example'), provider: 'Udio', video_url });
  await newTrack(world.database, user, {
    ...at('notfal.media'),
    provider: 'fal',
    created_at,
    video_url,
  });
  await newTrack(world.database, user, { ...at('cdn1.suno.ai'), video_url: 'http://u@x:443/' });
  const expires = new Date(created_at.getTime() + 86_400_000).toISOString().slice(0, 16);
  const told = (await found()) ?? '';
  const first = `1 track of fal at notfal.media, the first expires ${expires}Z; `;
  assert.equal(told.slice(0, first.length), first);
  assert.match(told.slice(first.length), /^1 track of Udio at cdn\.udio\.example, [^;]*$/);
  await world.database.query(
    `insert into track_archiving_policies (provider, retention, archive_after, allowed_hosts)
     values ('udio', '15 days', '13 days', '{*.udio.example}')`,
  );
  await world.database.query("delete from tracks where audio_url like '%notfal%'");
  assert.equal(await found(), 'all');
});

test('of a project that was never connected the doctor tells everything, with the mend', async (t) => {
  const world = await startWorld(t, { migrated: false });
  const ended = await world.run(['--check']);
  assert.equal(ended.code, 1);
  assert.match(ended.output, /✗ migrations are applied: missing: .*\n {4}mend: npm run connect/);
  assert.match(ended.output, /✗ triggers are enabled: .* is missing/);
  assert.match(ended.output, /✗ the secret is filled: it has no value/);
  assert.match(ended.output, /✗ a signed webhook is accepted/);
});
