import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { describe, test } from 'vitest';
import { MeasuredBody } from '../../app/measured-body.ts';
import { ArchiveFailure } from '../../core/failure.ts';
import { until } from '../support/until.ts';

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

  test('passes a failure of its source on to whoever waits, now or later', async () => {
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
