import assert from 'node:assert/strict';
import {
  CancelMessageMoveTaskCommand,
  ListMessageMoveTasksCommand,
  SendMessageCommand,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { describe, test } from 'vitest';
import { until } from '../../support/until.ts';
import {
  attributesOf,
  type Contract,
  connect,
  createQueuePair,
  receive,
  receiveNext,
} from './contract.ts';

/** Sends a message and lets it fail until it is in the dead-letter queue. */
async function poison(contract: Contract, maxReceiveCount: number) {
  const { sqs, pass } = contract;
  const pair = await createQueuePair(contract, maxReceiveCount);
  const sent = await sqs.send(
    new SendMessageCommand({
      QueueUrl: pair.queue.url,
      MessageBody: 'poison',
      MessageAttributes: { kind: { DataType: 'String', StringValue: 'test' } },
    }),
  );
  const receives = [];
  for (let n = 0; n < maxReceiveCount; n += 1) {
    receives.push(await receiveNext(sqs, pair.queue.url));
    await pass(1.1);
  }
  await until(async () => {
    assert.deepEqual(await receive(sqs, pair.queue.url), []);
    const counted = await attributesOf(sqs, pair.deadLetters.url);
    return counted.ApproximateNumberOfMessages === '1';
  });
  return { ...pair, sent, receives };
}

async function lastTask({ sqs }: Contract, SourceArn: string) {
  return (await sqs.send(new ListMessageMoveTasksCommand({ SourceArn }))).Results?.[0];
}

/** Starts a move task without a destination and sees it through. */
async function moveBack(contract: Contract, SourceArn: string) {
  await contract.sqs.send(new StartMessageMoveTaskCommand({ SourceArn }));
  await until(async () => (await lastTask(contract, SourceArn))?.Status === 'COMPLETED');
}

describe('SQS dead letters and move tasks', () => {
  test('after maxReceiveCount receives a message is in the dead-letter queue, as it was', async (t) => {
    const contract = await connect(t);
    const { sent, receives, queue, deadLetters } = await poison(contract, 5);
    assert.deepEqual(
      receives.map((message) => message.Attributes?.ApproximateReceiveCount),
      ['1', '2', '3', '4', '5'],
    );
    const dead = await receiveNext(contract.sqs, deadLetters.url);
    assert.equal(dead.MessageId, sent.MessageId);
    assert.equal(dead.Body, 'poison');
    assert.equal(dead.MessageAttributes?.kind?.StringValue, 'test');
    assert.equal(dead.Attributes?.SentTimestamp, receives[0]?.Attributes?.SentTimestamp);
    assert.equal(dead.Attributes?.DeadLetterQueueSourceArn, queue.arn);
  });

  test('a move task brings a message back to the queue it came from', async (t) => {
    const contract = await connect(t);
    const { queue, deadLetters } = await poison(contract, 1);
    await moveBack(contract, deadLetters.arn);
    const task = await lastTask(contract, deadLetters.arn);
    assert.equal(task?.ApproximateNumberOfMessagesMoved, 1);
    const moved = await receiveNext(contract.sqs, queue.url);
    assert.equal(moved.Body, 'poison');
    assert.equal(moved.MessageAttributes?.kind?.StringValue, 'test');
  });

  test('a moved message is a new one: its receives count from one again', async (t) => {
    const contract = await connect(t);
    const { queue, deadLetters } = await poison(contract, 1);
    await moveBack(contract, deadLetters.arn);
    const moved = await receiveNext(contract.sqs, queue.url);
    assert.equal(moved.Attributes?.ApproximateReceiveCount, '1');
  });

  test('a moved message is a new one: it has another id', async (t) => {
    const contract = await connect(t);
    const { sent, queue, deadLetters } = await poison(contract, 1);
    await moveBack(contract, deadLetters.arn);
    const moved = await receiveNext(contract.sqs, queue.url);
    assert.notEqual(moved.MessageId, sent.MessageId);
  });

  test('a message sent straight to the dead-letter queue does not find back by itself', async (t) => {
    const contract = await connect(t);
    const { sqs } = contract;
    const { deadLetters } = await createQueuePair(contract, 5);
    await sqs.send(new SendMessageCommand({ QueueUrl: deadLetters.url, MessageBody: 'direct' }));
    await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: deadLetters.arn }));
    await until(async () => (await lastTask(contract, deadLetters.arn))?.Status === 'FAILED');
    const task = await lastTask(contract, deadLetters.arn);
    assert.equal(task?.FailureReason, 'CouldNotDetermineMessageSource');
  });

  test('a message sent straight to the dead-letter queue moves to a named destination', async (t) => {
    const contract = await connect(t);
    const { sqs } = contract;
    const { queue, deadLetters } = await createQueuePair(contract, 5);
    await sqs.send(new SendMessageCommand({ QueueUrl: deadLetters.url, MessageBody: 'direct' }));
    await sqs.send(
      new StartMessageMoveTaskCommand({ SourceArn: deadLetters.arn, DestinationArn: queue.arn }),
    );
    assert.equal((await receiveNext(sqs, queue.url)).Body, 'direct');
  });

  test('one task a queue, at its rate, until it is cancelled', async (t) => {
    const contract = await connect(t);
    const { sqs, pass } = contract;
    const { queue, deadLetters } = await createQueuePair(contract, 5);
    for (const MessageBody of ['a', 'b', 'c']) {
      await sqs.send(new SendMessageCommand({ QueueUrl: deadLetters.url, MessageBody }));
    }
    const start = new StartMessageMoveTaskCommand({
      SourceArn: deadLetters.arn,
      DestinationArn: queue.arn,
      MaxNumberOfMessagesPerSecond: 1,
    });
    const { TaskHandle } = await sqs.send(start);
    await assert.rejects(sqs.send(start), /already a task running/);
    assert.equal((await lastTask(contract, deadLetters.arn))?.Status, 'RUNNING');
    await pass(1.1);
    const moved = await until(
      async () => (await lastTask(contract, deadLetters.arn))?.ApproximateNumberOfMessagesMoved,
    );
    assert.ok(moved < 3);
    await sqs.send(new CancelMessageMoveTaskCommand({ TaskHandle }));
    await until(async () => (await lastTask(contract, deadLetters.arn))?.Status === 'CANCELLED');
    const before = (await lastTask(contract, deadLetters.arn))?.ApproximateNumberOfMessagesMoved;
    await pass(3);
    const after = await lastTask(contract, deadLetters.arn);
    assert.equal(after?.ApproximateNumberOfMessagesMoved, before);
    assert.equal(after?.Status, 'CANCELLED');
  });

  test('only a dead-letter queue that exists can be moved from', async (t) => {
    const { sqs, createQueue } = await connect(t);
    const { arn } = await createQueue();
    await assert.rejects(sqs.send(new StartMessageMoveTaskCommand({ SourceArn: arn })), (error) =>
      /Dead Letter Queue/.test(String(error)),
    );
    await assert.rejects(
      sqs.send(new StartMessageMoveTaskCommand({ SourceArn: `${arn}-not-there` })),
      { name: 'ResourceNotFoundException' },
    );
  });
});
