import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { describe, test } from 'vitest';
import type { SourceFile } from '../../../adapters/provider/provider.ts';
import type { Upload } from '../../../adapters/supabase/storage.ts';
import { ArchiveFailure, classify } from '../../../core/failure.ts';
import { copyAsset } from '../../../lambdas/archive/copy-asset.ts';
import { MeasuredBody } from '../../../lambdas/archive/measure.ts';
import { until } from '../../support/until.ts';
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
  const file: SourceFile = {
    host: 'cdn.provider.example',
    length: announced,
    endsWithConnection: false,
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
    const { details, place } = await copyAsset(source, dependencies, outer);
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
    const copied = copyAsset(source, dependencies, outer);
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
  await assert.rejects(copyAsset(source, dependencies, outer), { code: 'provider_truncated' });
});

describe('a measured body', () => {
  const failure = (error: unknown) =>
    new ArchiveFailure('provider_reset', 'broken', { cause: error });
  const measured = (limit: number, ...chunks: Buffer[]) =>
    new MeasuredBody({ body: Readable.from(chunks), failure }, limit);

  test('lets exactly the limit pass, and no byte more', async () => {
    const bytes = randomBytes(1000);
    const body = measured(1000, bytes);
    assert.ok(Buffer.concat(await body.toArray()).equals(bytes));
    assert.equal(body.bytes, 1000);
    for (const [limit, ...chunks] of [
      [999, bytes],
      [1000, bytes, Buffer.alloc(1)],
    ] as const) {
      let passed = 0;
      const beyond = measured(limit, ...chunks).on('data', (chunk) => {
        passed += chunk.length;
      });
      await assert.rejects(finished(beyond), { code: 'too_large' });
      assert.ok(passed <= limit);
    }
  });

  test('keeps its head, however short the file is', async () => {
    for (const length of [0, 1, 4099, 4100, 200_000]) {
      const bytes = randomBytes(length);
      const body = measured(length, bytes.subarray(0, 10), bytes.subarray(10));
      const head = await body.head(4100);
      assert.ok(
        head.length >= Math.min(length, 4100) && head.equals(bytes.subarray(0, head.length)),
      );
      assert.ok(Buffer.concat(await body.toArray()).equals(bytes));
    }
  });

  test('tells a failure of its source to whoever waits, now or later', async () => {
    const broken = () => {
      const body = new Readable({ read() {} });
      body.push('begin');
      const whole = new MeasuredBody({ body, failure }, 1000);
      return { body, whole };
    };
    const first = broken();
    const head = first.whole.head(4100);
    first.body.destroy(new Error('reset'));
    await assert.rejects(head, { code: 'provider_reset' });
    await assert.rejects(first.whole.toArray(), { code: 'provider_reset' });
    const second = broken();
    // Closed without a word, while nobody listens.
    second.body.destroy();
    await until(() => second.whole.closed);
    await assert.rejects(second.whole.toArray(), { code: 'provider_reset' });
  });

  test('reads no more of its source than its reader takes', async () => {
    let given = 0;
    const body = new Readable({
      highWaterMark: 1,
      read() {
        given += 1;
        this.push(given > 100 ? null : Buffer.alloc(16 * 1024));
      },
    });
    const whole = new MeasuredBody({ body, failure }, 10_000_000);
    await whole.head(4100);
    await until(() => body.isPaused());
    assert.ok(given < 10, `${given} chunks`);
    assert.equal(Buffer.concat(await whole.toArray()).length, 100 * 16 * 1024);
  });
});
