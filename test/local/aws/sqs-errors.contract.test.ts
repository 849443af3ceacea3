import assert from 'node:assert/strict';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueUrlCommand,
  type MessageAttributeValue,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { describe, test } from 'vitest';
import { attributesOf, type Contract, connect } from './contract.ts';

/** Sends into a new queue. */
async function prepareSend({ sqs, createQueue }: Contract) {
  const { url: QueueUrl } = await createQueue();
  return (MessageBody: string, MessageAttributes: Record<string, MessageAttributeValue> = {}) =>
    sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageAttributes }));
}

const text = (StringValue: string) => ({ DataType: 'String', StringValue });

describe('SQS queues and refusals', () => {
  test('a queue is found by name, and keeps what is set on it', async (t) => {
    const { sqs, createQueue } = await connect(t);
    const Attributes = { VisibilityTimeout: '5400', MessageRetentionPeriod: '1209600' };
    const { name, url } = await createQueue(Attributes);
    const found = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
    assert.equal(found.QueueUrl, url);
    const again = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
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

  test('an attribute that queues do not have is InvalidAttributeName', async (t) => {
    const { createQueue } = await connect(t);
    await assert.rejects(createQueue({ Colour: 'red' }), { name: 'InvalidAttributeName' });
  });

  test('a visibility timeout of more than twelve hours is InvalidAttributeValue', async (t) => {
    const { createQueue } = await connect(t);
    await assert.rejects(createQueue({ VisibilityTimeout: '43201' }), {
      name: 'InvalidAttributeValue',
    });
  });

  test('a dead-letter queue that is not there is refused', async (t) => {
    const { createQueue } = await connect(t);
    const { arn } = await createQueue();
    const policy = { deadLetterTargetArn: `${arn}-not-there`, maxReceiveCount: 5 };
    await assert.rejects(createQueue({ RedrivePolicy: JSON.stringify(policy) }));
  });

  test('a receipt handle that is none is ReceiptHandleIsInvalid', async (t) => {
    const { sqs, createQueue } = await connect(t);
    const { url: QueueUrl } = await createQueue();
    const nonsense = new DeleteMessageCommand({ QueueUrl, ReceiptHandle: 'nonsense' });
    await assert.rejects(sqs.send(nonsense), { name: 'ReceiptHandleIsInvalid' });
  });

  test('a message needs a body', async (t) => {
    const send = await prepareSend(await connect(t));
    await assert.rejects(send(''));
  });

  test('an attribute of a message needs a value', async (t) => {
    const send = await prepareSend(await connect(t));
    await assert.rejects(send('x', { empty: text('') }));
  });

  test('a message of more than 1 MiB is refused: of bytes, not of characters', async (t) => {
    const send = await prepareSend(await connect(t));
    await send('x'.repeat(1_048_576));
    await assert.rejects(send('x'.repeat(1_048_577)));
    await assert.rejects(send('ü'.repeat(524_289)));
  });

  test('the attributes of a message count into its size', async (t) => {
    const send = await prepareSend(await connect(t));
    const body = 'x'.repeat(1_048_576 - 'a'.length - 'String'.length - 'value'.length);
    await send(body, { a: text('value') });
    await assert.rejects(send(body, { a: text('value+') }));
  });

  test('characters that XML does not know are refused in a body', async (t) => {
    const send = await prepareSend(await connect(t));
    await send('tab\tline\nreturn\r\u{10ffff}');
    for (const character of ['\u0000', '\u001b', '\uffff']) {
      await assert.rejects(send(`a${character}b`), { name: 'InvalidMessageContents' });
    }
  });

  test('characters that XML does not know are refused in an attribute', async (t) => {
    const send = await prepareSend(await connect(t));
    await assert.rejects(send('x', { reason: text('a\u0001b') }));
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
