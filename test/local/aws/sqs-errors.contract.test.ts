import assert from 'node:assert/strict';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueUrlCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { describe, test } from 'vitest';
import { attributesOf, connect } from './contract.ts';

describe('SQS queues and refusals', () => {
  test('a queue is found by name, and keeps what is set on it', async (t) => {
    const { sqs, createQueue } = await connect(t);
    const { name, url } = await createQueue({
      VisibilityTimeout: '5400',
      MessageRetentionPeriod: '1209600',
    });
    const found = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
    assert.equal(found.QueueUrl, url);
    const again = await sqs.send(
      new CreateQueueCommand({
        QueueName: name,
        Attributes: { VisibilityTimeout: '5400', MessageRetentionPeriod: '1209600' },
      }),
    );
    assert.equal(again.QueueUrl, url);
    const attributes = await attributesOf(sqs, url);
    assert.equal(attributes.VisibilityTimeout, '5400');
    assert.equal(attributes.MessageRetentionPeriod, '1209600');
  });

  test('a queue that is not there is QueueDoesNotExist', async (t) => {
    const { sqs, createQueue } = await connect(t);
    const { url } = await createQueue();
    const nowhere = `${url}-not-there`;
    for (const command of [
      new SendMessageCommand({ QueueUrl: nowhere, MessageBody: 'x' }),
      new GetQueueUrlCommand({ QueueName: 'not-there' }),
    ]) {
      // @ts-expect-error: send is overloaded by command.
      await assert.rejects(sqs.send(command), { name: 'QueueDoesNotExist' });
    }
  });

  test('the same name with other attributes is QueueNameExists', async (t) => {
    const { sqs, createQueue } = await connect(t);
    const { name } = await createQueue({ VisibilityTimeout: '5' });
    const Attributes = { VisibilityTimeout: '6' };
    await assert.rejects(sqs.send(new CreateQueueCommand({ QueueName: name, Attributes })), {
      name: 'QueueNameExists',
    });
  });

  test('wrong attributes, receipts and empty bodies are refused', async (t) => {
    const { sqs, createQueue } = await connect(t);
    const { url: QueueUrl } = await createQueue();
    const wrong = { name: 'InvalidAttributeValue' };
    await assert.rejects(createQueue({ VisibilityTimeout: '43201' }), wrong);
    const deadLetterTargetArn = 'arn:aws:sqs:us-east-1:000000000000:not-there';
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 5 });
    await assert.rejects(createQueue({ RedrivePolicy }));
    await assert.rejects(createQueue({ Colour: 'red' }));
    await assert.rejects(sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '' })));
    await assert.rejects(
      sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: 'nonsense' })),
      { name: 'ReceiptHandleIsInvalid' },
    );
  });

  test('a message above the size limit of 1 MiB is refused', async (t) => {
    const { sqs, createQueue } = await connect(t);
    const { url } = await createQueue();
    const send = (bytes: number) =>
      sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x'.repeat(bytes) }));
    await send(1_048_576);
    await assert.rejects(send(1_048_577));
  });

  test('a batch is refused when it is empty, too long or repeats an id', async (t) => {
    const { sqs, createQueue } = await connect(t);
    const { url: QueueUrl } = await createQueue();
    const send = (ids: string[]) => {
      const Entries = ids.map((Id) => ({ Id, MessageBody: 'x' }));
      return sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    };
    await assert.rejects(send([]), { name: 'EmptyBatchRequest' });
    await assert.rejects(send(['a', 'a']), { name: 'BatchEntryIdsNotDistinct' });
    const eleven = Array.from({ length: 11 }, (_, n) => `e${n}`);
    await assert.rejects(send(eleven), { name: 'TooManyEntriesInBatchRequest' });
  });
});
