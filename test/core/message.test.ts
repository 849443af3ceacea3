import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { ArchiveMessage, archiveMessage, reasons } from '../../core/message.ts';

test('a message says version, track and reason, and is read back as it was written', () => {
  fc.assert(
    fc.property(fc.uuid(), fc.constantFrom(...reasons), (trackId, reason) => {
      const message = JSON.parse(archiveMessage(trackId, reason));
      assert.deepEqual(message, { v: 1, trackId, reason });
      assert.deepEqual(ArchiveMessage.parse(message), message);
    }),
  );
});

test('any id that Postgres takes for a UUID is one, whatever its version says', () => {
  for (const trackId of [
    '11111111-1111-1111-1111-111111111111',
    '00000000-0000-0000-0000-000000000000',
    'ABCDEF01-2345-6789-ABCD-EF0123456789',
  ]) {
    const message = { v: 1, trackId, reason: 'manual' };
    assert.equal(ArchiveMessage.parse(message).trackId, trackId.toLowerCase());
  }
});

test('nothing else is a message', () => {
  fc.assert(fc.property(fc.anything(), (value) => !ArchiveMessage.safeParse(value).success));
});
