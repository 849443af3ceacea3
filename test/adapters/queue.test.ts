import assert from 'node:assert/strict';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { test } from 'vitest';
import { createArchiveQueue } from '../../adapters/queue.ts';

interface Sent {
  Entries?: { Id: string; ReceiptHandle: string; VisibilityTimeout: number }[];
  MessageAttributes?: Record<string, { StringValue: string }>;
}

function recording(answer: object = {}) {
  const sent: Sent[] = [];
  const client = {
    send: async ({ input }: { input: Sent }) => {
      sent.push(input);
      return answer;
    },
  } as unknown as SQSClient;
  const urls = { queueUrl: 'https://sqs/archive', deadLetterQueueUrl: 'https://sqs/dead' };
  return { sent, queue: createArchiveQueue({ client, ...urls }) };
}

test('more than ten messages are hidden ten at a time', async () => {
  const { sent, queue } = recording();
  const handles = Array.from({ length: 23 }, (_, index) => `r${index}`);
  await queue.hide(handles, 960);
  assert.deepEqual(
    sent.map(({ Entries }) => Entries?.length),
    [10, 10, 3],
  );
  assert.deepEqual(
    sent.flatMap(({ Entries = [] }) => Entries.map((entry) => entry.ReceiptHandle)),
    handles,
  );
});

test('a message that could not be hidden is an error, though the call succeeded', async () => {
  const failed = { Failed: [{ Id: '0', Code: 'ReceiptHandleIsInvalid', Message: 'expired' }] };
  const { queue } = recording(failed);
  await assert.rejects(queue.hide(['r0', 'r1'], 1), /ReceiptHandleIsInvalid: expired/);
});

test('no message to hide is no call', async () => {
  const { sent, queue } = recording();
  await queue.hide([], 960);
  assert.deepEqual(sent, []);
});

test('a reason that SQS would refuse is cleaned and cut, and never empty', async () => {
  const { sent, queue } = recording();
  for (const reason of ['', 'a\u0000b\u001bc', 'Ж'.repeat(5000), 'line\none 🎵']) {
    await queue.bury('body', { code: 'internal', reason });
  }
  const reasons = sent.map(({ MessageAttributes }) => MessageAttributes?.reason?.StringValue);
  assert.deepEqual(reasons, ['-', 'a b c', 'Ж'.repeat(1000), 'line\none 🎵']);
  assert.equal(sent[0]?.MessageAttributes?.trackId, undefined);
});
