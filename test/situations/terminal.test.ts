import assert from 'node:assert/strict';
import { test } from 'vitest';
import { connectFirst, startWorld } from '../cli/connect/world.ts';
import { failTrack, fromSecret, startListed } from '../cli/dlq/listed.ts';
import { sendDeadLetter } from '../cli/dlq/world.ts';
import { newTrack, newUser } from '../migrations/app.ts';

const green = '\u001b[2K\r\u001b[32m✓ the hosts of waiting tracks are allowed: all\u001b[0m';
const hostile = [
  green,
  '\n✓ forged: all is well\n✓ forged',
  '\r\n✓ forged',
  '\u2028✓ forged\u2029✓ forged',
  '\u0085✓ forged',
  '\u009b32m✓ forged',
  'a\u202e✓ forged\u2066',
  '\u0007\u001b]0;forged\u0007',
];

/** What a terminal would act on, but for line feeds. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about.
const acts = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

function assertPlain(printed: string) {
  assert.doesNotMatch(printed, acts);
  assert.doesNotMatch(printed, /^\s*✓ forged/m);
}

test('situation 56: the doctor prints providers and hosts of rows on its own line, as plain text', async (t) => {
  const world = await startWorld(t);
  await connectFirst(world);
  const user = await newUser(world.database);
  for (const provider of hostile) {
    const audio_url = `https://elsewhere${provider.replaceAll(/[:?#/@]/g, '')}.example/song.mp3`;
    await newTrack(world.database, user, { provider, audio_url });
    const { output } = await world.run(['--check']);
    assert.match(output, /^✗ the hosts of waiting tracks are allowed: .*elsewhere/m);
    assertPlain(output);
    await world.database.query('delete from tracks');
  }
});

test('situation 56: dlq list prints titles, codes and reasons as plain text', async (t) => {
  const world = await startListed(t);
  const user = await newUser(world.database);
  for (const title of hostile) {
    const track = await newTrack(world.database, user, { title });
    await failTrack(world, track, `host_not_allowed${title}`);
    sendDeadLetter(world.dead, `host_not_allowed${title}`, track);
  }
  const { code, stdout, stderr } = await world.run(['dlq', 'list'], fromSecret);
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`^Dead-letter queue: ${hostile.length} messages`));
  assertPlain(stdout + stderr);
});
