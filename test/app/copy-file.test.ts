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
    get body() {
      return Readable.from(chunks);
    },
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

/** A song whose format does not say where it ends, and takes of it that a provider sends one after another. */
const endless = files.audio.subarray(files.audio.indexOf('Info') > 0 ? 417 : 0);

test('what neither the transport nor the format calls whole is asked for again, and counts only if it is the same', async () => {
  const shorter = endless.subarray(0, 20_000);
  for (const [takes, expected] of [
    [[endless, endless], 'copied'],
    [[shorter, endless], 'provider_truncated'],
  ] as const) {
    const published: number[] = [];
    let broken = 0;
    const { dependencies } = ground([], async (_, body) => {
      let bytes = 0;
      try {
        for await (const chunk of body) bytes += chunk.length;
      } catch (error) {
        broken += 1;
        throw error;
      }
      published.push(bytes);
    });
    let asked = 0;
    const { open } = dependencies.provider;
    dependencies.provider.open = async (...parameters: Parameters<typeof open>) => {
      const file = await open(...parameters);
      return { ...file, body: Readable.from([takes[asked++] as Buffer]) };
    };
    const outcome = await copyFile(source, dependencies, outer).then(
      () => 'copied',
      (error) => classify(error).code,
    );
    assert.equal(outcome, expected);
    assert.equal(asked, 2);
    assert.deepEqual(published, expected === 'copied' ? [endless.length] : []);
    assert.equal(broken, expected === 'copied' ? 1 : 2);
  }
});

test('nothing is published of a source that breaks in any way', async () => {
  const cut = files.audio.subarray(0, 20_000);
  for (const [what, chunks, announced, isOverlong] of [
    ['provider_truncated', [cut], undefined, false],
    ['provider_truncated', [cut], cut.length, false],
    ['provider_truncated', [files.audio], files.audio.length + 1, false],
    ['provider_overlong', [files.audio], files.audio.length, true],
    ['media_wrong_kind', [files.cover], files.cover.length, false],
    ['provider_empty', [], 0, false],
  ] as const) {
    let published = 0;
    const { dependencies } = ground(
      [...chunks],
      async (_, body) => {
        for await (const _chunk of body);
        published += 1;
      },
      announced,
    );
    const { open } = dependencies.provider;
    dependencies.provider.open = async (...parameters: Parameters<typeof open>) => ({
      ...(await open(...parameters)),
      body: Readable.from([...chunks]),
      isOverlong: () => isOverlong,
    });
    await assert.rejects(copyFile(source, dependencies, outer), { code: what });
    assert.equal(published, 0);
  }
});
