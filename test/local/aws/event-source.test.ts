import assert from 'node:assert/strict';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { describe, type TestContext, test } from 'vitest';
import { startAwsEndpoint } from '../../../local/aws/endpoint.ts';
import { startEventSource } from '../../../local/aws/event-source.ts';
import { createClock } from '../../../local/clock.ts';
import { until } from '../../support/until.ts';
import { startTestFunction } from './functions.ts';

const visibility = 60;

/** A queue with a dead-letter queue after five receives, and a function that consumes it. */
async function start(t: TestContext, options = { batchSize: 10, maxConcurrency: 5 }) {
  const clock = createClock();
  const endpoint = await startAwsEndpoint({ clock, secrets: {} });
  t.onTestFinished(() => endpoint.stop());
  const sqs = new SQSClient({
    endpoint: endpoint.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  t.onTestFinished(() => sqs.destroy());
  await sqs.send(new CreateQueueCommand({ QueueName: 'dead' }));
  const dead = endpoint.queue('dead');
  assert.ok(dead);
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 5 });
  const Attributes = { RedrivePolicy, VisibilityTimeout: String(visibility) };
  await sqs.send(new CreateQueueCommand({ QueueName: 'work', Attributes }));
  const queue = endpoint.queue('work');
  assert.ok(queue);
  const { fn, lines } = startTestFunction(t, 'batch', { clock });
  const consume = () => {
    const source = startEventSource({ endpoint, queueName: 'work', fn, ...options });
    t.onTestFinished(() => source.stop());
    return source;
  };
  const redeliver = () => clock.advanceTo(clock.now() + visibility * 1000 + 100);
  const bodies = () => queue.messages.map((message) => message.body);
  const reports = () => lines.filter((line) => line.includes('platform.report')).length;
  return { queue, dead, fn, lines, consume, redeliver, bodies, reports };
}

describe('the event source mapping', () => {
  test("gives the function records in Lambda's shape and deletes what it did", async (t) => {
    const { queue, lines, consume } = await start(t);
    const attributes = { code: { DataType: 'String', StringValue: 'c' } };
    const { id } = queue.send('done', attributes);
    const source = consume();
    await until(() => queue.messages.length === 0);
    await until(() => source.idle());
    const record = JSON.parse(lines[0] ?? '');
    assert.equal(record.messageId, id);
    assert.equal(record.body, 'done');
    assert.equal(record.attributes.ApproximateReceiveCount, '1');
    assert.ok(Number(record.attributes.SentTimestamp) > 0);
    assert.equal(record.messageAttributes.code.stringValue, 'c');
    assert.equal(record.messageAttributes.code.dataType, 'String');
    assert.equal(record.eventSource, 'aws:sqs');
    assert.equal(record.eventSourceARN, queue.arn);
    assert.ok(record.receiptHandle);
  });

  test('keeps only the failed ones of a batch', async (t) => {
    const { queue, consume, bodies } = await start(t);
    for (const body of ['good', 'fail', 'fine']) queue.send(body);
    const source = consume();
    await until(() => source.idle());
    assert.deepEqual(bodies(), ['fail']);
    assert.equal(queue.counts().inFlight, 1);
  });

  for (const body of ['throw', 'bad answer', 'unknown id']) {
    test(`keeps the whole batch after "${body}"`, async (t) => {
      const { queue, consume, bodies } = await start(t);
      for (const each of ['good', body]) queue.send(each);
      const source = consume();
      await until(() => source.idle());
      assert.deepEqual(bodies(), ['good', body]);
    });
  }

  test('takes no answer at all for success', async (t) => {
    const { queue, consume } = await start(t);
    queue.send('nothing');
    consume();
    await until(() => queue.messages.length === 0);
  });

  test('a poison message is in the dead-letter queue after five receives', async (t) => {
    const { queue, dead, consume, redeliver, reports } = await start(t);
    const { id, sentAt } = queue.send('fail');
    const source = consume();
    for (let receives = 1; receives <= 5; receives += 1) {
      await until(() => reports() === receives && source.idle());
      assert.equal(dead.messages.length, 0);
      await redeliver();
    }
    await until(() => dead.messages.length === 1);
    assert.equal(queue.messages.length, 0);
    assert.equal(dead.messages[0]?.id, id);
    assert.equal(dead.messages[0]?.sentAt, sentAt);
    assert.equal(reports(), 5);
  });

  test('a message whose worker was killed comes back after its visibility timeout', async (t) => {
    const { queue, fn, lines, consume, redeliver } = await start(t);
    queue.send('hang');
    const source = consume();
    await until(() => lines.length === 1);
    assert.equal(source.idle(), false);
    fn.killAll();
    await until(() => source.idle());
    assert.equal(queue.counts().inFlight, 1);
    await redeliver();
    const again = await until(() =>
      lines.find((line) => line.includes('"ApproximateReceiveCount":"2"')),
    );
    assert.match(again, /"body":"hang"/);
    fn.killAll();
  });

  test('works on no more batches at once than it may', async (t) => {
    const { queue, fn, lines, consume } = await start(t, { batchSize: 1, maxConcurrency: 2 });
    for (let n = 0; n < 4; n += 1) queue.send('hang');
    const source = consume();
    await until(() => lines.filter((line) => line.includes('"hang"')).length === 2);
    assert.deepEqual(queue.counts(), { visible: 2, inFlight: 2 });
    fn.killAll();
    assert.equal(source.idle(), false);
  });
});
