import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { DeadLetter } from '../../adapters/dead-letters.ts';
import { removeSettledLetters } from '../../app/remove-settled-letters.ts';

/** A queue of so many letters that says so, and what was done with it. */
function scripted(visible: number) {
  const letters = Array.from({ length: visible }, (_, index): DeadLetter => {
    const trackId = `track ${index}`;
    const id = String(index);
    const sentAt = new Date();
    return {
      id,
      receipt: id,
      trackId,
      code: '',
      reason: '',
      sentAt,
      movedBySqs: false,
      forward: '',
    };
  });
  const done = { receives: 0, removed: 0, asked: [] as number[], released: [] as string[] };
  const dependencies = {
    openQueue: async () => ({
      arn: 'arn',
      counts: async () => ({ visible, inFlight: 0 }),
      receive: async () => letters.slice(10 * done.receives, 10 * ++done.receives),
      release: async (held: readonly DeadLetter[]) =>
        void done.released.push(...held.map(({ id }) => id)),
      remove: async () => {
        done.removed += 1;
      },
    }),
    tasks: { latest: async () => undefined },
    statesOf: async (ids: readonly string[]) => {
      done.asked.push(ids.length);
      return new Map();
    },
  };
  return { done, dependencies };
}
const never = new AbortController().signal;

test('one look at a full queue ends at a thousand letters, asked about two hundred at a time, all released', async () => {
  const { done, dependencies } = scripted(30_000);
  assert.equal(await removeSettledLetters(dependencies, never), 0);
  assert.deepEqual(done.asked, [200, 200, 200, 200, 200]);
  assert.equal(new Set(done.released).size, 1000);
  assert.equal(done.removed, 0);
});

test('an empty queue is not received from', async () => {
  const { done, dependencies } = scripted(0);
  assert.equal(await removeSettledLetters(dependencies, never), 0);
  assert.deepEqual(done, { receives: 0, removed: 0, asked: [], released: [] });
});

test('a look that runs out of time releases what it holds and asks no more', async () => {
  const { done, dependencies } = scripted(300);
  const out = new AbortController();
  const queue = await dependencies.openQueue();
  const receive = () => {
    if (done.receives === 2) out.abort();
    return queue.receive();
  };
  const openQueue = async () => ({ ...queue, receive });
  assert.equal(await removeSettledLetters({ ...dependencies, openQueue }, out.signal), 0);
  assert.deepEqual([done.receives, done.released.length, done.asked], [3, 30, []]);
});
