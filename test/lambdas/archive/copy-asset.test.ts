import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import type { SourceFile } from '../../../adapters/provider/provider.ts';
import type { Upload } from '../../../adapters/supabase/storage.ts';
import { ArchiveFailure } from '../../../core/failure.ts';
import { copyAsset } from '../../../lambdas/archive/copy-asset.ts';
import { Measure } from '../../../lambdas/archive/measure.ts';
import { files } from '../tracks.ts';

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
  async function* send() {
    yield* chunks;
  }
  const file: SourceFile = {
    host: 'cdn.provider.example',
    length: announced,
    chunks: send(),
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
    size: async () => seen.stored,
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
    const { details, place } = await copyAsset(source, dependencies, outer);
    assert.ok(Buffer.concat(received).equals(files.audio));
    assert.equal(details.bytes, files.audio.length);
    assert.equal(details.sha256, createHash('sha256').update(files.audio).digest('hex'));
    assert.deepEqual(place, { bucket: 'tracks-audio', path: 'user/track.mp3' });
  }
});

test('whichever way a copy ends, both connections end with it', async () => {
  const ends = [
    async () => {
      throw new ArchiveFailure('storage_unavailable', 'refused before the body was read');
    },
    async (_: Upload, body: AsyncIterable<Uint8Array>) => {
      for await (const _chunk of body) throw new ArchiveFailure('storage_rejected', 'refused');
    },
    async (_: Upload, body: AsyncIterable<Uint8Array>) => {
      for await (const _chunk of body);
    },
  ];
  for (const end of ends) {
    const { seen, dependencies } = ground([files.audio], end);
    await assert.rejects(copyAsset(source, dependencies, outer), ArchiveFailure);
    assert.equal(seen.closed, 1);
    assert.equal(seen.signal?.aborted, true);
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
  await assert.rejects(copyAsset(source, dependencies, outer), { code: 'provider_truncated' });
});

describe('a measure', () => {
  async function* once(...chunks: Buffer[]) {
    yield* chunks;
  }
  const read = async (limit: number, ...chunks: Buffer[]) => {
    const measure = new Measure(limit);
    for await (const _ of measure.through([], once(...chunks)));
    return measure;
  };

  test('lets exactly the limit pass, and no byte more', async () => {
    const bytes = randomBytes(1000);
    assert.equal((await read(1000, bytes)).bytes, 1000);
    await assert.rejects(read(999, bytes), { code: 'too_large' });
    await assert.rejects(read(1000, bytes, Buffer.alloc(1)), { code: 'too_large' });
  });
});
