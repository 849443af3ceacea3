import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { refusalReceives, sweepTries } from '../../core/retry.ts';
import type { Behaviour } from '../../local/provider/behaviour.ts';
import { archiveLambda, deadLetters, deliver, deliverTrack } from '../lambdas/archive/deliver.ts';
import { hoursAgo, sweeper } from '../lambdas/sweep/sweeping.ts';
import { files, insertWholeTrack, readJob, readTrack, requestsFor } from '../lambdas/tracks.ts';
import { startWorld, type World } from '../lambdas/world.ts';
import { moveClock } from '../migrations/app.ts';

const challenge = { 'cf-mitigated': 'challenge' };
const html = '<!doctype html><title>Just a moment...</title>';
const refusals: [string, Behaviour][] = [
  ...[202, 400, 401, 402, 403, 404, 405, 423, 451].map((status): [string, Behaviour] => [
    `${status}`,
    { kind: 'status', status },
  ]),
  ['a page of HTML', { kind: 'html' }],
  ['no byte', { kind: 'empty' }],
  ['JSON', { kind: 'response', body: '{"error":"expired"}' }],
  ['a challenge', { kind: 'response', status: 403, headers: challenge, body: html }],
  ['a challenge of 200', { kind: 'response', headers: challenge, body: files.audio }],
  [
    'a challenge of a firewall',
    { kind: 'response', status: 202, headers: { 'x-amzn-waf-action': 'challenge' }, body: '' },
  ],
  ['a redirect to nowhere', { kind: 'response', status: 302, body: '' }],
];

/** At the policy's due date; the files expire two days later. */
const dueNow = () => ({ created_at: hoursAgo(13 * 24) });

const notifications = ({ database }: World) => database.query('select from public.notifications');

describe('situation 1: a first no is not the last', () => {
  test('a song that is there a minute later is archived, whatever came at first', async (t) => {
    const world = await startWorld(t);
    const archive = await archiveLambda(world);
    for (const [what, audio] of refusals) {
      const track = await insertWholeTrack(world, { audio }, dueNow());
      const { delays } = await deliverTrack(world, archive, track.id);
      assert.deepEqual(delays, [60], what);
      assert.equal((await readJob(world, track.id)).status, 'pending', what);
      assert.equal(requestsFor(world, track.urls.audio), 1, what);
      world.provider.serve(track.urls.audio, files.audio);
      await deliverTrack(world, archive, track.id, { received: 2 });
      assert.equal((await readTrack(world, track.id)).archived_to_storage, true, what);
    }
    assert.deepEqual(deadLetters(world), []);
    assert.deepEqual(await notifications(world), []);
  });

  test('a song that is there hours later is archived by the sweep, and nobody is told that it was lost', async (t) => {
    const world = await startWorld(t);
    const archive = await archiveLambda(world);
    const sweep = await sweeper(world);
    const track = await insertWholeTrack(
      world,
      { audio: { kind: 'status', status: 403 } },
      dueNow(),
    );
    await deliverTrack(world, archive, track.id);
    await deliverTrack(world, archive, track.id, { received: 2 });
    const job = await readJob(world, track.id);
    assert.equal(job.status, 'failed');
    const wait = job.next_check_at.getTime() - Date.now();
    assert.ok(wait > 3_600_000 && wait <= 6 * 3_600_000 + 1000, `${wait} ms`);
    assert.deepEqual(deadLetters(world), []);
    assert.deepEqual(await notifications(world), []);

    world.provider.serve(track.urls.audio, files.audio);
    await moveClock(world.database, '361 minutes');
    assert.equal((await sweep()).dispatched, 1);
    await deliver(world, archive, []);
    assert.equal((await readTrack(world, track.id)).archived_to_storage, true);
    assert.deepEqual(await notifications(world), []);
  });

  test('a song that never is there is asked for a handful of times until it expires, then its owner is told', async (t) => {
    const world = await startWorld(t);
    const archive = await archiveLambda(world);
    const sweep = await sweeper(world);
    const track = await insertWholeTrack(
      world,
      { audio: { kind: 'status', status: 404 } },
      dueNow(),
    );
    await deliverTrack(world, archive, track.id);
    await deliverTrack(world, archive, track.id, { received: 2 });
    for (let hours = 1; hours <= 52; hours += 1) {
      await moveClock(world.database, `${hours} hours`);
      const { dispatched } = await sweep();
      if (dispatched > 0) await deliver(world, archive, [], { received: 1 });
    }
    const asked = requestsFor(world, track.urls.audio);
    const most = refusalReceives(false) + refusalReceives(true) * sweepTries;
    assert.ok(asked > 4 && asked <= most, `${asked} requests`);
    const job = await readJob(world, track.id);
    assert.deepEqual([job.status, job.next_check_at], ['failed', null]);
    assert.match(job.error_message, /Before: provider_gone: .*404/);
    assert.deepEqual(
      deadLetters(world).map(({ attributes }) => [attributes.code, attributes.trackId]),
      [['expired', track.id]],
    );
    assert.equal((await notifications(world)).length, 1);
  });

  test('a cover or video is gone only after a second look at another time', async (t) => {
    const world = await startWorld(t);
    const archive = await archiveLambda(world);
    const sweep = await sweeper(world);
    const [cover, video] = [{ kind: 'status', status: 404 } as const, { kind: 'html' } as const];
    const lasting = await insertWholeTrack(world, { cover, video }, dueNow());
    const passing = await insertWholeTrack(world, { cover, video }, dueNow());
    for (const { id } of [lasting, passing]) {
      assert.deepEqual((await deliverTrack(world, archive, id)).failed, []);
      const row = await readTrack(world, id);
      assert.equal(row.archived_to_storage, false);
      assert.match(row.storage_audio_url, /tracks-audio/);
      assert.equal((await readJob(world, id)).status, 'pending');
    }
    // Whoever asks sooner, by hand or by a message that comes twice, makes no second look of it.
    await deliverTrack(world, archive, lasting.id);
    assert.equal((await readTrack(world, lasting.id)).archived_to_storage, false);
    await moveClock(world.database, '45 minutes');
    assert.equal((await sweep()).dispatched, 0);

    world.provider.serve(passing.urls.cover, files.cover);
    world.provider.serve(passing.urls.video, files.video);
    await moveClock(world.database, '7 hours');
    assert.equal((await sweep()).dispatched, 2);
    await deliver(world, archive, []);
    const saved = await readTrack(world, passing.id);
    assert.deepEqual([saved.archived_to_storage, typeof saved.storage_cover_url], [true, 'string']);
    const lost = await readTrack(world, lasting.id);
    assert.deepEqual([lost.archived_to_storage, lost.storage_cover_url], [true, null]);
    const { assets } = (await readJob(world, lasting.id)).metadata;
    assert.deepEqual(
      [assets.cover.code, assets.video.code],
      ['provider_gone', 'media_unrecognised'],
    );
    assert.equal(requestsFor(world, lasting.urls.audio), 1);
    assert.equal(requestsFor(world, lasting.urls.cover), 3);
    assert.deepEqual(deadLetters(world), []);
  });

  test('where the expiry leaves no room, or has passed, the second look comes a minute later, whoever sent the message', async (t) => {
    const world = await startWorld(t);
    const archive = await archiveLambda(world);
    const cover = { kind: 'status', status: 404 } as const;
    let minutes = 0;
    for (const age of [15 * 24 - 1, 15 * 24 + 1]) {
      for (const reason of ['schedule', 'sweep'] as const) {
        const track = await insertWholeTrack(world, { cover }, { created_at: hoursAgo(age) });
        const { delays } = await deliverTrack(world, archive, track.id, { reason });
        assert.deepEqual(delays, [60]);
        assert.equal((await readTrack(world, track.id)).archived_to_storage, false);
        // A message that comes twice makes no second look of it.
        await deliverTrack(world, archive, track.id, { reason });
        assert.equal((await readTrack(world, track.id)).archived_to_storage, false);
        minutes += 1;
        await moveClock(world.database, `${minutes} minutes`);
        await deliverTrack(world, archive, track.id, { reason, received: 2 });
        assert.equal((await readTrack(world, track.id)).archived_to_storage, true);
        assert.equal(requestsFor(world, track.urls.cover), 3);
      }
    }
    assert.deepEqual(deadLetters(world), []);
  });

  test('410 and 441, and what is a danger, need no second request', async (t) => {
    const world = await startWorld(t);
    const archive = await archiveLambda(world);
    for (const status of [410, 441]) {
      const track = await insertWholeTrack(world, { audio: { kind: 'status', status } }, dueNow());
      assert.deepEqual((await deliverTrack(world, archive, track.id)).failed, []);
      const job = await readJob(world, track.id);
      assert.deepEqual(
        [job.status, job.error_code, job.next_check_at],
        ['failed', 'provider_gone', null],
      );
      assert.equal(requestsFor(world, track.urls.audio), 1);
    }
    assert.equal(deadLetters(world).length, 2);
  });
});
