import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { describe, type TestContext, test } from 'vitest';
import { until } from '../../support/until.ts';
import { testGateway } from './support.ts';

const buckets = `
  insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
    ('songs', 'songs', true, 1000000, '{audio/mpeg,image/*}'),
    ('private', 'private', false, null, null);
  create policy "own folder" on storage.objects to authenticated
    using (bucket_id = 'songs' and (storage.foldername(name))[1] = auth.uid()::text)
    with check (bucket_id = 'songs' and (storage.foldername(name))[1] = auth.uid()::text);
  create policy "see buckets" on storage.buckets for select to authenticated using (true);`;

const bodyOf = async (answer: Response) => (await answer.json()) as Record<string, string>;

async function storage(t: TestContext) {
  const given = await testGateway(t, buckets);
  const service = given.client(given.gateway.keys.secret).storage;
  const post = (
    path: string,
    body: string | Buffer<ArrayBuffer>,
    headers: Record<string, string> = {},
  ) =>
    fetch(`${given.gateway.url}/storage/v1/${path}`, {
      method: 'POST',
      body,
      headers: { apikey: given.gateway.keys.secret, 'content-type': 'audio/mpeg', ...headers },
    });
  return { ...given, service, post };
}

const audio = { contentType: 'audio/mpeg' };

describe('Storage through supabase-js', () => {
  test('stores bytes and gives back the same from the public address', async (t) => {
    const { service, db } = await storage(t);
    const bytes = randomBytes(5000);
    const stored = await service.from('songs').upload('a/b.mp3', bytes, audio);
    assert.equal(stored.data?.fullPath, 'songs/a/b.mp3');
    const { publicUrl } = service.from('songs').getPublicUrl('a/b.mp3').data;
    const answer = await fetch(publicUrl);
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes);
    assert.equal(answer.headers.get('content-type'), 'audio/mpeg');
    assert.equal(answer.headers.get('cache-control'), 'max-age=3600');
    const [row] = await db.query('select metadata, path_tokens from storage.objects');
    assert.equal(row.metadata.size, 5000);
    assert.equal(row.metadata.mimetype, 'audio/mpeg');
    assert.deepEqual(row.path_tokens, ['a', 'b.mp3']);
  });

  test('stores a stream of unknown length', async (t) => {
    const { service } = await storage(t);
    const chunks = [randomBytes(70_000), randomBytes(30_000)];
    const stream = ReadableStream.from<Buffer>(chunks) as unknown as ReadableStream;
    const stored = await service
      .from('songs')
      .upload('s.mp3', stream, { ...audio, duplex: 'half' });
    assert.equal(stored.error, null);
    const info = await service.from('songs').info('s.mp3');
    assert.equal(info.data?.size, 100_000);
    assert.equal(info.data?.contentType, 'audio/mpeg');
    const found = await service.from('songs').download('s.mp3');
    assert.deepEqual(
      Buffer.from((await found.data?.arrayBuffer()) ?? new ArrayBuffer()),
      Buffer.concat(chunks),
    );
  });

  test('refuses a path that exists unless told to replace it', async (t) => {
    const { service, storageDirectory } = await storage(t);
    const songs = service.from('songs');
    await songs.upload('x.mp3', Buffer.from('one'), audio);
    const again = await songs.upload('x.mp3', Buffer.from('two'), audio);
    assert.equal(again.error?.message, 'The resource already exists');
    assert.equal((again.error as { statusCode?: string }).statusCode, '409');
    assert.equal((again.error as { code?: string }).code, 'ResourceAlreadyExists');
    assert.equal(await (await songs.download('x.mp3')).data?.text(), 'one');
    await songs.upload('x.mp3', Buffer.from('two'), { ...audio, upsert: true });
    assert.equal(await (await songs.download('x.mp3')).data?.text(), 'two');
    assert.equal((await readdir(storageDirectory)).length, 1);
  });

  test('removes, lists and tells what exists', async (t) => {
    const { service, storageDirectory } = await storage(t);
    const songs = service.from('songs');
    for (const path of ['a/1.mp3', 'a/2.mp3', 'b/3.mp3'])
      await songs.upload(path, Buffer.from(path), audio);
    const top = await songs.list();
    assert.deepEqual(
      top.data?.map(({ name, id }) => [name, id === null]),
      [
        ['a', true],
        ['b', true],
      ],
    );
    assert.deepEqual(
      (await songs.list('a')).data?.map(({ name }) => name),
      ['1.mp3', '2.mp3'],
    );
    assert.equal((await songs.exists('a/1.mp3')).data, true);
    const removed = await songs.remove(['a/1.mp3', 'a/none.mp3']);
    assert.deepEqual(
      removed.data?.map(({ name }) => name),
      ['a/1.mp3'],
    );
    assert.equal((await songs.exists('a/1.mp3')).data, false);
    assert.equal((await readdir(storageDirectory)).length, 2);
    assert.equal((await songs.download('a/1.mp3')).data, null);
  });

  test('shows buckets with their limits', async (t) => {
    const { service } = await storage(t);
    assert.deepEqual(
      (await service.listBuckets()).data?.map(({ id }) => id),
      ['private', 'songs'],
    );
    const { data } = await service.getBucket('songs');
    assert.equal(data?.file_size_limit, 1_000_000);
    assert.deepEqual(data?.allowed_mime_types, ['audio/mpeg', 'image/*']);
    assert.equal((await service.getBucket('none')).error?.message, 'Bucket not found');
  });

  test("lets a user write, see and remove only below the user's own folder", async (t) => {
    const { client, gateway, db } = await storage(t);
    const me = randomUUID();
    const mine = client(gateway.keys.publishable, gateway.userToken(me)).storage.from('songs');
    const other = client(gateway.keys.anon, gateway.userToken(randomUUID())).storage.from('songs');
    assert.equal((await mine.upload(`${me}/1.mp3`, Buffer.from('1'), audio)).error, null);
    const [row] = await db.query('select owner, owner_id from storage.objects');
    assert.deepEqual(row, { owner: me, owner_id: me });
    const refused = await other.upload(`${me}/2.mp3`, Buffer.from('2'), audio);
    assert.equal(
      refused.error?.message,
      'new row violates row-level security policy for table "objects"',
    );
    const overwritten = await other.upload(`${me}/1.mp3`, Buffer.from('2'), {
      ...audio,
      upsert: true,
    });
    assert.notEqual(overwritten.error, null);
    assert.deepEqual((await other.remove([`${me}/1.mp3`])).data, []);
    assert.equal((await other.download(`${me}/1.mp3`)).data, null);
    assert.equal((await mine.remove([`${me}/1.mp3`])).data?.length, 1);
  });
});

describe('Storage on the wire', () => {
  test('refuses by the limits of the bucket, with 400 and the true status in the body', async (t) => {
    const { post, db } = await storage(t);
    const large = await post('object/songs/large.mp3', Buffer.alloc(1_000_001));
    assert.equal(large.status, 400);
    assert.deepEqual(await large.json(), {
      statusCode: '413',
      code: 'EntityTooLarge',
      error: 'Payload too large',
      message: 'The object exceeded the maximum allowed size',
    });
    const headers = { 'content-type': 'text/html; charset=utf-8' };
    const wrong = await post('object/songs/page.mp3', 'x', headers);
    const body = await bodyOf(wrong);
    assert.deepEqual(
      [wrong.status, body.statusCode, body.error],
      [400, '415', 'invalid_mime_type'],
    );
    assert.equal(
      (await post('object/songs/cover.png', 'x', { 'content-type': 'image/png' })).status,
      200,
    );
    assert.equal((await db.query('select from storage.objects')).length, 1);
  });

  test('refuses a stream that grows beyond the limit and keeps nothing of it', async (t) => {
    const { service, storageDirectory } = await storage(t);
    const stream = ReadableStream.from(Array.from({ length: 20 }, () => Buffer.alloc(60_000)));
    const stored = await service
      .from('songs')
      .upload('s.mp3', stream, { ...audio, duplex: 'half' });
    assert.equal(stored.error?.message, 'The object exceeded the maximum allowed size');
    assert.deepEqual(await readdir(storageDirectory), []);
  });

  test('refuses names of other scripts and unknown buckets', async (t) => {
    const { post } = await storage(t);
    const named = await (await post(`object/songs/${encodeURIComponent('песня.mp3')}`, 'x')).json();
    assert.deepEqual(named, {
      statusCode: '400',
      code: 'InvalidKey',
      error: 'InvalidKey',
      message: 'Invalid key: песня.mp3',
    });
    const nowhere = await bodyOf(await post('object/none/x.mp3', 'x'));
    assert.deepEqual([nowhere.statusCode, nowhere.message], ['404', 'Bucket not found']);
  });

  test('keeps nothing of a body that ends before its content-length', async (t) => {
    const { gateway, db, storageDirectory } = await storage(t);
    const headers = {
      apikey: gateway.keys.secret,
      'content-type': 'audio/mpeg',
      'content-length': 1000,
    };
    const upload = request(`${gateway.url}/storage/v1/object/songs/short.mp3`, {
      method: 'POST',
      headers,
    });
    upload.on('error', () => {});
    upload.write(Buffer.alloc(400));
    await until(async () => (await readdir(storageDirectory)).length === 1, {
      what: 'a partial file',
    });
    upload.destroy();
    await until(async () => (await readdir(storageDirectory)).length === 0, {
      what: 'its removal',
    });
    assert.deepEqual(await db.query('select from storage.objects'), []);
  });

  test('answers ranges with 206, and what lies beyond the end with an error', async (t) => {
    const { service } = await storage(t);
    await service.from('songs').upload('x.mp3', Buffer.from('0123456789'), audio);
    const { publicUrl } = service.from('songs').getPublicUrl('x.mp3').data;
    const get = (range: string) => fetch(publicUrl, { headers: { range } });
    const middle = await get('bytes=2-4');
    assert.deepEqual([middle.status, middle.headers.get('content-range')], [206, 'bytes 2-4/10']);
    assert.equal(await middle.text(), '234');
    assert.equal(await (await get('bytes=7-')).text(), '789');
    assert.equal(await (await get('bytes=-2')).text(), '89');
    assert.equal((await bodyOf(await get('bytes=10-'))).statusCode, '416');
    const head = await fetch(publicUrl, { method: 'HEAD' });
    assert.equal(head.headers.get('content-length'), '10');
    const etag = head.headers.get('etag') ?? '';
    assert.equal((await fetch(publicUrl, { headers: { 'if-none-match': etag } })).status, 304);
  });

  test('gives private files to the service alone, and none from their public address', async (t) => {
    const { service, client, gateway } = await storage(t);
    await service.from('private').upload('x.txt', Buffer.from('secret'));
    const { publicUrl } = service.from('private').getPublicUrl('x.txt').data;
    assert.equal((await bodyOf(await fetch(publicUrl))).message, 'Bucket not found');
    const anon = client(gateway.keys.publishable).storage.from('private');
    assert.equal((await anon.download('x.txt')).data, null);
    assert.equal(await (await service.from('private').download('x.txt')).data?.text(), 'secret');
  });
});
