import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@supabase/supabase-js';
import { type TestContext, test } from 'vitest';
import { createStorage } from '../../../adapters/supabase/storage.ts';
import { ArchiveFailure } from '../../../core/failure.ts';
import { startGateway } from '../../../local/supabase/gateway.ts';
import { testDatabase } from '../../support/database.ts';
import { startProxy } from '../../support/proxy.ts';

const never = new AbortController().signal;
const bucket = 'tracks-audio';
const type = { contentType: 'audio/mpeg', bucket };

async function* chunksOf(bytes: Buffer, size = 10_000) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Our adapter and supabase-js before one Storage: the local one, or the project that is given. */
async function bothClients(t: TestContext) {
  const { CONTRACT_SUPABASE_URL: url, CONTRACT_SUPABASE_KEY: key } = process.env;
  let access = { supabaseUrl: url ?? '', supabaseKey: key ?? '' };
  if (url === undefined) {
    const database = await testDatabase(t);
    const storageDirectory = await mkdtemp(join(tmpdir(), 'track-archiver-test-'));
    const gateway = await startGateway({ databaseUrl: database.apiUrl, storageDirectory });
    t.onTestFinished(async () => {
      await gateway.stop();
      await rm(storageDirectory, { recursive: true, force: true });
    });
    access = { supabaseUrl: gateway.url, supabaseKey: gateway.keys.secret };
  }
  const storage = createStorage(access);
  t.onTestFinished(() => storage.close());
  const theirs = createClient(access.supabaseUrl, access.supabaseKey, {
    auth: { persistSession: false, autoRefreshToken: false },
  }).storage.from(bucket);
  const folder = `contract-${crypto.randomUUID()}`;
  return { access, storage, theirs, folder };
}

/** Codes of the failures that our adapter throws. */
const code = (expected: string) => (error: unknown) => {
  assert.ok(error instanceof ArchiveFailure);
  assert.equal(error.code, expected);
  return true;
};

test('an upload of ours and one of supabase-js differ in nothing but their path', async (t) => {
  const { storage, theirs, folder } = await bothClients(t);
  const bytes = randomBytes(300_000);
  for (const length of [bytes.length, undefined]) {
    const paths = [`${folder}/ours ${length}.mp3`, `${folder}/theirs ${length}.mp3`];
    const [ours = '', other = ''] = paths;
    await storage.upload({ ...type, path: ours, length }, chunksOf(bytes), never);
    const options = { contentType: 'audio/mpeg', upsert: true };
    const { error } = await theirs.upload(other, bytes, options);
    assert.equal(error, null);
    const info = [];
    for (const path of paths) {
      const { data } = await theirs.info(path);
      info.push({ size: data?.size, type: data?.contentType, cache: data?.cacheControl });
      const url = storage.publicUrl({ bucket, path });
      assert.equal(url, theirs.getPublicUrl(path).data.publicUrl);
      assert.deepEqual(Buffer.from(await (await fetch(url)).arrayBuffer()), bytes);
    }
    assert.deepEqual(info[0], info[1]);
    assert.equal(info[0]?.size, bytes.length);
  }
});

test('a second upload replaces the first', async (t) => {
  const { storage, theirs, folder } = await bothClients(t);
  const path = `${folder}/song.mp3`;
  for (const text of ['first', 'second!']) {
    const length = text.length;
    await storage.upload({ ...type, path, length }, chunksOf(Buffer.from(text)), never);
  }
  assert.equal(await (await theirs.download(path)).data?.text(), 'second!');
});

test('what the body throws is thrown, and nothing is stored', async (t) => {
  const { storage, theirs, folder } = await bothClients(t);
  for (const length of [300_000, undefined]) {
    const path = `${folder}/broken ${length}.mp3`;
    const failure = new ArchiveFailure('provider_stalled', 'the source stopped');
    async function* broken() {
      yield* chunksOf(randomBytes(200_000));
      throw failure;
    }
    await assert.rejects(storage.upload({ ...type, path, length }, broken(), never), (thrown) => {
      assert.equal(thrown, failure);
      return true;
    });
    assert.notEqual((await theirs.info(path)).error, null);
  }
});

test('a body of another length than was said is an error, and nothing is stored', async (t) => {
  const { storage, theirs, folder } = await bothClients(t);
  for (const length of [99_999, 100_001]) {
    const path = `${folder}/${length}.mp3`;
    const upload = storage.upload({ ...type, path, length }, chunksOf(randomBytes(100_000)), never);
    await assert.rejects(upload, code('storage_unavailable'));
    assert.notEqual((await theirs.info(path)).error, null);
  }
});

test('a file that is removed is gone, and removing it again is fine', async (t) => {
  const { storage, theirs, folder } = await bothClients(t);
  const place = { bucket, path: `${folder}/song.mp3` };
  await storage.upload({ ...type, ...place, length: undefined }, chunksOf(Buffer.from('x')), never);
  await storage.remove(place, never);
  await storage.remove(place, never);
  assert.notEqual((await theirs.info(place.path)).error, null);
});

test('what the bucket does not take is refused by name', async (t) => {
  const { storage, folder } = await bothClients(t);
  const put = (contentType: string, where: string, bytes: Buffer) => {
    const object = { bucket: where, path: `${folder}/x.mp3`, contentType, length: bytes.length };
    return storage.upload(object, chunksOf(bytes), never);
  };
  const small = Buffer.from('x');
  await assert.rejects(put('text/html', bucket, small), code('storage_rejected'));
  await assert.rejects(put('audio/mpeg', 'no-such-bucket', small), code('storage_rejected'));
  const large = Buffer.alloc(10 * 1024 * 1024 + 1);
  await assert.rejects(put('image/png', 'tracks-covers', large), code('too_large'));
});

test('a key that is not ours is unauthorized, and not an upload that is missing', async (t) => {
  const { access, folder } = await bothClients(t);
  const storage = createStorage({ ...access, supabaseKey: 'sb_secret_wrong' });
  t.onTestFinished(() => storage.close());
  const place = { bucket, path: `${folder}/song.mp3` };
  await assert.rejects(storage.remove(place, never), code('storage_unauthorized'));
  const upload = storage.upload(
    { ...type, ...place, length: 1 },
    chunksOf(Buffer.from('x')),
    never,
  );
  await assert.rejects(upload, code('storage_unauthorized'));
});

test('Retry-After of a busy Storage is passed on; nobody at the address is unavailable', async (t) => {
  const { access, folder } = await bothClients(t);
  const proxy = await startProxy(t, access.supabaseUrl);
  proxy.intercept = (_, response) => {
    response.writeHead(429, { 'retry-after': '17' }).end();
    return true;
  };
  const place = { bucket, path: `${folder}/song.mp3` };
  const busy = createStorage({ ...access, supabaseUrl: proxy.url });
  const nobody = createStorage({ ...access, supabaseUrl: 'http://127.0.0.1:1' });
  t.onTestFinished(() => busy.close());
  t.onTestFinished(() => nobody.close());
  await assert.rejects(busy.remove(place, never), { code: 'storage_unavailable', retryAfter: 17 });
  await assert.rejects(nobody.remove(place, never), code('storage_unavailable'));
});
