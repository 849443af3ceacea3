import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { test } from 'vitest';
import type { SourceFile } from '../../adapters/provider/provider.ts';
import type { Upload } from '../../adapters/supabase/storage.ts';
import { copyFile } from '../../app/copy-file.ts';
import { ArchiveFailure, classify } from '../../core/failure.ts';
import { files } from '../lambdas/tracks.ts';

const outer = new AbortController().signal;
const source = {
  kind: 'audio' as const,
  url: 'https://cdn.provider.example/a.mp3',
  userId: 'user',
  trackId: 'track',
  policy: { allowedHosts: [], userAgent: null },
};

/** A provider with one file, and a Storage that does `upload` with what it is given. */
function ground(
  chunks: Buffer[],
  upload: (object: Upload, body: AsyncIterable<Uint8Array>) => Promise<void>,
  announced?: number,
) {
  const seen = { closed: 0, signal: undefined as AbortSignal | undefined, stored: 0 };
  const file: SourceFile = {
    host: 'cdn.provider.example',
    length: announced,
    closeDelimited: false,
    body: Readable.from(chunks),
    failure: classify,
    isOverlong: () => false,
    close: () => void seen.closed++,
  };
  const provider = {
    open: async (_: string, __: object, signal: AbortSignal) => {
      seen.signal = signal;
      return file;
    },
  };
  const storage = {
    upload,
    publicUrl: ({ path }: { path: string }) => `https://storage/${path}`,
  };
  return { seen, dependencies: { provider, storage } };
}

test('chunks of any size are recognised, counted and hashed as one file', async () => {
  for (const size of [1, 7, 4099, 4100, 4101, 1_000_000]) {
    const chunks = [];
    for (let at = 0; at < files.audio.length; at += size) {
      chunks.push(files.audio.subarray(at, at + size));
    }
    const received: Uint8Array[] = [];
    const { seen, dependencies } = ground(chunks, async (_, body) => {
      for await (const chunk of body) received.push(chunk);
      seen.stored = Buffer.concat(received).length;
    });
    const { details, place } = await copyFile(source, dependencies, outer);
    assert.ok(Buffer.concat(received).equals(files.audio));
    assert.equal(details.bytes, files.audio.length);
    assert.equal(details.sha256, createHash('sha256').update(files.audio).digest('hex'));
    assert.deepEqual(place, { bucket: 'tracks-audio', path: 'user/track.mp3' });
  }
});

test('whichever way a copy ends, nothing of it is left under way', async () => {
  const ends = {
    storage_unavailable: async () => {
      throw new ArchiveFailure('storage_unavailable', 'refused before the body was read');
    },
    storage_rejected: async (_: Upload, body: AsyncIterable<Uint8Array>) => {
      for await (const _chunk of body) throw new ArchiveFailure('storage_rejected', 'refused');
    },
    copied: async (_: Upload, body: AsyncIterable<Uint8Array>) => {
      for await (const _chunk of body);
    },
  };
  for (const [expected, end] of Object.entries(ends)) {
    const { seen, dependencies } = ground([files.audio], end);
    const copied = copyFile(source, dependencies, outer);
    const outcome = await copied.then(
      () => 'copied',
      (error) => classify(error).code,
    );
    assert.equal(outcome, expected);
    assert.equal(seen.closed, 1);
    assert.equal(seen.signal?.aborted, expected !== 'copied');
  }
});

test('a file that is not uploaded whole is not believed, whatever Storage says', async () => {
  const { seen, dependencies } = ground(
    [files.audio],
    async (_, body) => {
      for await (const chunk of body) seen.stored += chunk.length;
    },
    files.audio.length + 1,
  );
  await assert.rejects(copyFile(source, dependencies, outer), { code: 'provider_truncated' });
});
