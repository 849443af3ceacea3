import assert from 'node:assert/strict';
import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { describe, test } from 'vitest';
import { until } from '../../support/until.ts';
import { attributesOf, connect, receive, receiveNext } from './contract.ts';

describe('SQS messages', () => {
  test('a message arrives with body, attributes and checksum', async (t) => {
    const { sqs, createQueue } = await connect(t);
    const { url } = await createQueue();
    const sent = await sqs.send(
      new SendMessageCommand({
        QueueUrl: url,
        MessageBody: 'Привет, "world" \u{1f3b5}',
        MessageAttributes: {
          a: { DataType: 'String', StringValue: 'é' },
          n: { DataType: 'Number.int', StringValue: '7' },
        },
      }),
    );
    const message = await receiveNext(sqs, url);
    assert.equal(message.Body, 'Привет, "world" \u{1f3b5}');
    assert.equal(message.MessageId, sent.MessageId);
    assert.equal(message.MD5OfBody, sent.MD5OfMessageBody);
    assert.equal(message.MessageAttributes?.a?.StringValue, 'é');
    assert.equal(message.MessageAttributes?.n?.DataType, 'Number.int');
  });

  test('a received message is hidden for its visibility timeout, then comes again with a count', async (t) => {
    const { sqs, createQueue, pass } = await connect(t);
    const { url } = await createQueue({ VisibilityTimeout: '2' });
    await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' }));
    const first = await receiveNext(sqs, url);
    assert.equal(first.Attributes?.ApproximateReceiveCount, '1');
    assert.deepEqual(await receive(sqs, url), []);
    assert.equal((await attributesOf(sqs, url)).ApproximateNumberOfMessagesNotVisible, '1');
    await pass(2.1);
    const second = await receiveNext(sqs, url);
    assert.equal(second.MessageId, first.MessageId);
    assert.equal(second.Attributes?.ApproximateReceiveCount, '2');
    assert.equal(second.Attributes?.SentTimestamp, first.Attributes?.SentTimestamp);
    assert.equal(
      second.Attributes?.ApproximateFirstReceiveTimestamp,
      first.Attributes?.ApproximateFirstReceiveTimestamp,
    );
  });

  test('a changed visibility counts from the change and does not raise the receive count', async (t) => {
    const { sqs, createQueue, pass } = await connect(t);
    const { url } = await createQueue({ VisibilityTimeout: '60' });
    await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' }));
    const { ReceiptHandle } = await receiveNext(sqs, url);
    const change = (VisibilityTimeout: number) =>
      sqs.send(
        new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle, VisibilityTimeout }),
      );
    await change(1);
    await pass(1.1);
    const second = await receiveNext(sqs, url);
    assert.equal(second.Attributes?.ApproximateReceiveCount, '2');
    const batch = await sqs.send(
      new ChangeMessageVisibilityBatchCommand({
        QueueUrl: url,
        Entries: [
          { Id: 'right', ReceiptHandle: second.ReceiptHandle, VisibilityTimeout: 0 },
          { Id: 'wrong', ReceiptHandle: 'nonsense', VisibilityTimeout: 0 },
        ],
      }),
    );
    assert.deepEqual(batch.Successful, [{ Id: 'right' }]);
    assert.equal(batch.Failed?.[0]?.Id, 'wrong');
    assert.equal(batch.Failed?.[0]?.Code, 'ReceiptHandleIsInvalid');
    const third = await receiveNext(sqs, url);
    assert.equal(third.Attributes?.ApproximateReceiveCount, '3');
    await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: third.ReceiptHandle }));
    await assert.rejects(
      sqs.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: url,
          ReceiptHandle: third.ReceiptHandle,
          VisibilityTimeout: 5,
        }),
      ),
    );
  });

  test('a long poll answers as soon as one message is there', { timeout: 15_000 }, async (t) => {
    const { sqs, createQueue } = await connect(t);
    const { url } = await createQueue();
    const polling = sqs.send(
      new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20, MaxNumberOfMessages: 10 }),
    );
    await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' }));
    assert.equal((await polling).Messages?.length, 1);
  });

  test('batches are sent, received without repeats and deleted', async (t) => {
    const { sqs, createQueue } = await connect(t);
    const { url } = await createQueue();
    const Entries = Array.from({ length: 10 }, (_, n) => ({
      Id: `e${n}`,
      MessageBody: `body ${n}`,
    }));
    const sent = await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
    assert.equal(sent.Successful?.length, 10);
    const received = new Map<string, string | undefined>();
    await until(async () => {
      for (const message of await receive(sqs, url, 60)) {
        assert.ok(!received.has(message.Body ?? ''), 'received twice');
        received.set(message.Body ?? '', message.ReceiptHandle);
      }
      return received.size === 10;
    });
    const handles = [...received.values()].map((ReceiptHandle, n) => ({
      Id: `${n}`,
      ReceiptHandle,
    }));
    const deleted = await sqs.send(
      new DeleteMessageBatchCommand({ QueueUrl: url, Entries: handles }),
    );
    assert.equal(deleted.Successful?.length, 10);
    await until(
      async () => (await attributesOf(sqs, url)).ApproximateNumberOfMessagesNotVisible === '0',
    );
  });

  test('a message older than the retention period is gone', async (t) => {
    const { sqs, createQueue, pass } = await connect(t);
    const { url } = await createQueue({ MessageRetentionPeriod: '60' });
    await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' }));
    await pass(61);
    await until(async () => (await receive(sqs, url, 0)).length === 0);
  });

  test('no more attributes come than were asked for', async (t) => {
    const { sqs, createQueue } = await connect(t);
    const { url } = await createQueue();
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: url,
        MessageBody: 'x',
        MessageAttributes: {
          code: { DataType: 'String', StringValue: 'c' },
          reason: { DataType: 'String', StringValue: 'r' },
        },
      }),
    );
    const { Messages } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        MessageSystemAttributeNames: ['ApproximateReceiveCount'],
        MessageAttributeNames: ['code'],
      }),
    );
    assert.deepEqual(Object.keys(Messages?.[0]?.Attributes ?? {}), ['ApproximateReceiveCount']);
    assert.deepEqual(Object.keys(Messages?.[0]?.MessageAttributes ?? {}), ['code']);
  });
});
