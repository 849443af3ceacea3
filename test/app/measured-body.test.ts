import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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
    new MeasuredBody(
      { body: Readable.from(chunks), failure },
      { kind: 'audio', limit, check: () => {} },
    );
  const song = readFileSync(join(import.meta.dirname, '../fixtures/song.wav'));

  test('lets exactly the limit pass, and no byte more', async () => {
    const bytes = Buffer.concat([Buffer.from('fLaC'), randomBytes(996)]);
    bytes.set(song.subarray(0, 44));
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

  test('passes its last bytes on only after the check', async () => {
    let check = () => {};
    const checked = new Promise<void>((resolve) => {
      check = resolve;
    });
    const body = new MeasuredBody(
      { body: Readable.from([song.subarray(0, 50_000), song.subarray(50_000)]), failure },
      { kind: 'audio', limit: 1_000_000, check: () => checked },
    );
    const chunks: Buffer[] = [];
    body.on('data', (chunk) => chunks.push(chunk));
    await until(() => body.bytes === song.length);
    assert.equal(Buffer.concat(chunks).length, 50_000);
    check();
    await finished(body);
    assert.ok(Buffer.concat(chunks).equals(song));
  });

  test('keeps its last bytes where the check refuses', async () => {
    let passed = 0;
    const body = new MeasuredBody(
      { body: Readable.from([song]), failure },
      {
        kind: 'audio',
        limit: 1_000_000,
        check: () => {
          throw new ArchiveFailure('media_unrecognised', 'no');
        },
      },
    ).on('data', (chunk) => {
      passed += chunk.length;
    });
    await assert.rejects(finished(body), { code: 'media_unrecognised' });
    assert.equal(passed, 0);
  });

  test('passes a failure of its source on to whoever waits, now or later', async () => {
    const broken = () => {
      const body = new Readable({ read() {} });
      body.push('begin');
      const whole = new MeasuredBody(
        { body, failure },
        { kind: 'audio', limit: 1000, check: () => {} },
      );
      return { body, whole };
    };
    const first = broken();
    const head = first.whole.type();
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
        const chunk = Buffer.alloc(16 * 1024);
        if (given === 1) song.copy(chunk);
        this.push(given > 100 ? null : chunk);
      },
    });
    const whole = new MeasuredBody(
      { body, failure },
      { kind: 'audio', limit: 10_000_000, check: () => {} },
    );
    await whole.type();
    await until(() => body.isPaused());
    assert.ok(given < 10, `${given} chunks`);
    assert.equal(Buffer.concat(await whole.toArray()).length, 100 * 16 * 1024);
  });
});
