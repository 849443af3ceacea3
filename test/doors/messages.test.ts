import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { SQSBatchResponse } from 'aws-lambda';
import fc from 'fast-check';
import { test } from 'vitest';
import { ArchiveMessage, archiveMessage } from '../../core/message.ts';
import { batchSize } from '../../core/timings.ts';
import { startEventSource } from '../../local/aws/event-source.ts';
import { deadLetters, receive } from '../lambdas/archive/deliver.ts';
import { insertWholeTrack, readTrack } from '../lambdas/tracks.ts';
import { queueName, startWorld, type World } from '../lambdas/world.ts';
import { until } from '../support/until.ts';
import { trying } from './fuzz.ts';
import { anyBody, marker, mutated } from './requests.ts';
import { startBundle } from './start.ts';

/** What SQS takes as a body: some text of XML's characters (SQS API reference, SendMessage). */
const isSendable = (text: string): boolean =>
  text !== '' &&
  text.isWellFormed() &&
  !/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u.test(text);

function isOurs(text: string): boolean {
  try {
    return ArchiveMessage.safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}

const strange = fc
  .oneof(
    anyBody,
    mutated({ v: 1, trackId: randomUUID(), reason: 'schedule' }),
    fc.string({ unit: 'grapheme', maxLength: 100 }).map((text) => Buffer.from(text)),
  )
  .map((body) => body.toString())
  .filter((text) => isSendable(text) && !isOurs(text));

const send = ({ sqs, queueUrl }: World, MessageBody: string) =>
  sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
const left = ({ aws }: World) => aws.queue(queueName)?.messages.length;

test('whatever lies in the queue is buried at its first receive, and its neighbours are archived', async (t) => {
  const world = await startWorld(t);
  const started = await startBundle(t, world, 'archive');
  const source = startEventSource({
    endpoint: world.aws,
    queueName,
    fn: started.fn,
    batchSize,
    maxConcurrency: 2,
  });
  t.onTestFinished(() => source.stop());
  const buried: string[] = [];
  await fc.assert(
    fc.asyncProperty(fc.array(strange, { minLength: 1, maxLength: 12 }), async (bodies) => {
      const track = await insertWholeTrack(world);
      const all = bodies.toSpliced(bodies.length >> 1, 0, archiveMessage(track.id, 'manual'));
      await Promise.all(all.map((body) => send(world, body)));
      await until(() => left(world) === 0);
      assert.equal((await readTrack(world, track.id)).archived_to_storage, true);
      buried.push(...bodies);
      assert.deepEqual(
        deadLetters(world)
          .map(({ body }) => body)
          .sort(),
        buried.toSorted(),
      );
    }),
    trying(12),
  );
  for (const { attributes } of deadLetters(world)) assert.equal(attributes.code, 'message_invalid');
  assert.deepEqual(started.crashes(), []);
  assert.ok(!started.lines.some((line) => line.includes(marker)));
});

test('a message that cannot be buried is left to the queue, which buries it itself, and hurts nobody', async (t) => {
  const world = await startWorld(t);
  const started = await startBundle(t, world, 'archive');
  started.aws.intercept = (request, response) => {
    if (request.headers['x-amz-target'] !== 'AmazonSQS.SendMessage') return false;
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' });
    response.end('{"__type":"InvalidParameterValue","message":"Message must be shorter"}');
    return true;
  };
  const track = await insertWholeTrack(world);
  for (const body of ['x'.repeat(1_048_000), archiveMessage(track.id, 'manual')]) {
    await send(world, body);
  }
  const event = await receive(world);
  const answer = (await started.fn.invoke(event)) as SQSBatchResponse;
  const failed = answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  const [large] = event.Records.filter(({ body }) => body.startsWith('x'));
  assert.deepEqual(failed, [large?.messageId]);
  assert.equal((await readTrack(world, track.id)).archived_to_storage, true);
});
