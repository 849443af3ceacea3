import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'vitest';
import { testGateway } from '../local/supabase/support.ts';

test('situation 55: everybody reads a file by its address, and only its owner can list it', async (t) => {
  const { gateway, client } = await testGateway(t, '', { migrated: true });
  const { keys } = gateway;
  const [owner, other] = [randomUUID(), randomUUID()];
  const path = `${owner}/track.mp3`;
  const files = (key: string, user?: string) =>
    client(key, user && gateway.userToken(user)).storage.from('tracks-audio');
  const service = files(keys.secret);
  const stored = await service.upload(path, Buffer.from('song'), { contentType: 'audio/mpeg' });
  assert.equal(stored.error, null);

  const answer = await fetch(files(keys.publishable).getPublicUrl(path).data.publicUrl);
  assert.deepEqual([answer.status, await answer.text()], [200, 'song']);

  const listed = async (bucket: typeof service, folder: string) => {
    const { data, error } = await bucket.list(folder);
    assert.equal(error, null);
    return data?.map(({ name }) => name);
  };
  for (const folder of ['', owner]) {
    assert.deepEqual(await listed(files(keys.publishable), folder), [], `anon: ${folder}`);
    assert.deepEqual(await listed(files(keys.publishable, other), folder), [], `other: ${folder}`);
  }
  assert.deepEqual(await listed(files(keys.publishable, owner), owner), ['track.mp3']);
  assert.deepEqual(await listed(service, ''), [owner]);
});

test('an owner can still remove a file of theirs', async (t) => {
  const { gateway, client } = await testGateway(t, '', { migrated: true });
  const user = randomUUID();
  const mine = client(gateway.keys.publishable, gateway.userToken(user)).storage.from(
    'tracks-covers',
  );
  const path = `${user}/cover.png`;
  assert.equal(
    (await mine.upload(path, Buffer.from('x'), { contentType: 'image/png' })).error,
    null,
  );
  assert.equal((await mine.remove([path])).data?.length, 1);
});
