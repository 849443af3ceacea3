import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'vitest';
import { deadLetters } from '../archive/deliver.ts';
import { queued } from '../enqueue/post.ts';
import { insertTrack, insertWholeTrack, readJob, readTrack, requestsFor } from '../tracks.ts';
import { lambdaContext, loadHandler, startWorld, trustProvider, type World } from '../world.ts';

type Handler = (event: object, context: object) => Promise<{ statusCode: number; body: string }>;
type Ask = (
  body?: unknown,
  options?: { headers?: Record<string, string>; method?: string; remaining?: number },
) => Promise<{ status: number; body: Record<string, unknown> }>;

/** The manual endpoint of a world, asked with the service's key unless other headers are given. */
async function manualEndpoint(world: World): Promise<Ask> {
  trustProvider(world);
  const handler = await loadHandler<Handler>('archive-tracks', world);
  const service = { authorization: `Bearer ${world.gateway.keys.secret}` };
  return async (body, { headers = service, method = 'POST', remaining = 900_000 } = {}) => {
    const event = {
      rawPath: '/functions/v1/archive-tracks',
      headers,
      requestContext: { http: { method } },
      isBase64Encoded: false,
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    };
    const answer = await handler(event, lambdaContext(remaining));
    return { status: answer.statusCode, body: JSON.parse(answer.body) };
  };
}

const overdue = { created_at: new Date(Date.now() - 14 * 86_400_000) };

test('a track that is named is archived now, though it is not due, and the response is as the spec says', async (t) => {
  const world = await startWorld(t);
  const ask = await manualEndpoint(world);
  const track = await insertWholeTrack(world);
  const { status, body } = await ask({ trackId: track.id });
  assert.equal(status, 200);
  assert.deepEqual(body, {
    success: true,
    message: 'Archived 1/1 tracks',
    results: { total: 1, succeeded: 1, failed: 0, errors: [] },
  });
  assert.equal((await readTrack(world, track.id)).archived_to_storage, true);
  assert.equal((await readJob(world, track.id)).status, 'completed');

  assert.equal((await ask({ trackId: track.id })).body.message, 'Archived 1/1 tracks');
  for (const url of Object.values(track.urls)) assert.equal(requestsFor(world, url), 1);
});

test('without a body the tracks that are due are archived, and the others are left alone', async (t) => {
  const world = await startWorld(t);
  const ask = await manualEndpoint(world);
  const due = [
    await insertWholeTrack(world, {}, overdue),
    await insertWholeTrack(world, {}, overdue),
  ];
  const early = await insertWholeTrack(world);
  const { body } = await ask();
  assert.equal(body.message, 'Archived 2/2 tracks');
  for (const { id } of due) assert.equal((await readTrack(world, id)).archived_to_storage, true);
  assert.equal((await readTrack(world, early.id)).archived_to_storage, false);
});

test('limit bounds a run, the most urgent first', async (t) => {
  const world = await startWorld(t);
  const ask = await manualEndpoint(world);
  const late = await insertWholeTrack(world, {}, overdue);
  const later = { created_at: new Date(Date.now() - 14.5 * 86_400_000) };
  const urgent = await insertWholeTrack(world, {}, later);
  assert.equal((await ask({ limit: 1 })).body.message, 'Archived 1/1 tracks');
  assert.equal((await readTrack(world, urgent.id)).archived_to_storage, true);
  assert.equal((await readTrack(world, late.id)).archived_to_storage, false);
});

test('what fails for good is returned by name and reason, failed, and in the dead-letter queue', async (t) => {
  const world = await startWorld(t);
  const ask = await manualEndpoint(world);
  await insertWholeTrack(world, {}, overdue);
  const failed = await insertWholeTrack(world, { audio: { kind: 'status', status: 410 } }, overdue);
  const { body } = await ask({ limit: 10 });
  assert.equal(body.message, 'Archived 1/2 tracks');
  const { errors, ...counts } = body.results as { errors: Record<string, string>[] };
  assert.deepEqual(counts, { total: 2, succeeded: 1, failed: 1 });
  assert.equal(errors[0]?.trackId, failed.id);
  assert.equal(errors[0]?.title, 'Песня 🎵');
  assert.match(errors[0]?.error ?? '', /^provider_gone: /);
  assert.equal((await readJob(world, failed.id)).status, 'failed');
  assert.deepEqual(
    deadLetters(world).map(({ attributes }) => [attributes.code, attributes.trackId]),
    [['provider_gone', failed.id]],
  );
});

test('a track whose dead letter cannot be written does not fail without it: the sweep tries it again', async (t) => {
  const world = await startWorld(t);
  world.environment.DEAD_LETTER_QUEUE_URL = `${world.deadLetterUrl}-that-is-not-there`;
  const ask = await manualEndpoint(world);
  const failed = await insertWholeTrack(world, { audio: { kind: 'status', status: 410 } });
  const { body } = await ask({ trackId: failed.id });
  assert.equal(body.message, 'Archived 0/1 tracks');
  assert.equal((await readJob(world, failed.id)).status, 'processing');
});

test('what may still be saved is released and goes on through the queue', async (t) => {
  const world = await startWorld(t);
  const ask = await manualEndpoint(world);
  const track = await insertWholeTrack(world, { audio: { kind: 'status', status: 503 } });
  const { body } = await ask({ trackId: track.id });
  assert.equal(body.message, 'Archived 0/1 tracks');
  assert.equal((await readJob(world, track.id)).status, 'pending');
  assert.deepEqual(queued(world), [JSON.stringify({ v: 1, trackId: track.id, reason: 'manual' })]);
  assert.deepEqual(deadLetters(world), []);
});

test('a track that is not there or not completed is returned with that reason', async (t) => {
  const world = await startWorld(t);
  const ask = await manualEndpoint(world);
  const unfinished = await insertTrack(world, { status: 'pending' });
  const nobody = randomUUID();
  for (const [trackId, error] of [
    [unfinished.id, 'not_completed'],
    [nobody, 'not_found'],
  ]) {
    const { body } = await ask({ trackId });
    assert.deepEqual(body.results, {
      total: 1,
      succeeded: 0,
      failed: 1,
      errors: [{ trackId, title: null, error }],
    });
  }
});

test('a run that is out of time starts nothing more, and says what it left', async (t) => {
  const world = await startWorld(t);
  const ask = await manualEndpoint(world);
  const track = await insertWholeTrack(world);
  const { body } = await ask({ trackId: track.id }, { remaining: 0 });
  const { errors } = body.results as { errors: { error: string }[] };
  assert.match(errors[0]?.error ?? '', /^out_of_time: /);
  assert.equal((await readJob(world, track.id)).attempt, 0);
});

test('only the service’s own key is accepted, as Bearer or as apikey', async (t) => {
  const world = await startWorld(t);
  const ask = await manualEndpoint(world);
  const track = await insertWholeTrack(world);
  const { keys } = world.gateway;
  const refused = [
    {},
    { authorization: `Bearer ${keys.publishable}` },
    { authorization: `Bearer ${keys.anon}` },
    { apikey: keys.anon },
    { authorization: `Bearer ${world.gateway.userToken(track.userId)}` },
    { authorization: keys.secret },
  ];
  for (const headers of refused) {
    const { status, body } = await ask({ trackId: track.id }, { headers });
    assert.equal(status, 401);
    assert.equal(body.success, false);
  }
  assert.equal((await readJob(world, track.id)).attempt, 0);
  const { status } = await ask({ trackId: track.id }, { headers: { apikey: keys.secret } });
  assert.equal(status, 200);
});

const malformed: [what: string, body: unknown][] = [
  ['no JSON', 'archive everything'],
  ['no object', '7'],
  ['a track id that is no UUID', { trackId: 'my-song' }],
  ['a limit of zero', { limit: 0 }],
  ['a limit that is no whole number', { limit: 1.5 }],
  ['a limit above 200', { limit: 201 }],
];

test('a request that is malformed is 400 in words, and archives nothing', async (t) => {
  const world = await startWorld(t);
  const ask = await manualEndpoint(world);
  await insertWholeTrack(world, {}, overdue);
  for (const [what, body] of malformed) {
    const answer = await ask(body);
    assert.equal(answer.status, 400, what);
    assert.equal(typeof answer.body.error, 'string', what);
  }
  assert.equal((await ask({}, { method: 'GET' })).status, 405);
  assert.equal(world.provider.requests.length, 0);
});
