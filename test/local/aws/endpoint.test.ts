import assert from 'node:assert/strict';
import {
  CreateScheduleCommand,
  ListSchedulesCommand,
  SchedulerClient,
} from '@aws-sdk/client-scheduler';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { describe, type TestContext, test } from 'vitest';
import { atExpression } from '../../../core/schedule.ts';
import { startAwsEndpoint } from '../../../local/aws/endpoint.ts';
import { createClock } from '../../../local/clock.ts';
import { until } from '../../support/until.ts';

const day = 86_400_000;

async function start(t: TestContext) {
  const clock = createClock();
  const endpoint = await startAwsEndpoint({ clock, secrets: {} });
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const config = { endpoint: endpoint.url, region: 'us-east-1', credentials };
  const sqs = new SQSClient(config);
  t.onTestFinished(async () => {
    sqs.destroy();
    await endpoint.stop();
  });
  const createQueue = async (QueueName: string) => {
    await sqs.send(new CreateQueueCommand({ QueueName }));
    const queue = endpoint.queue(QueueName);
    assert.ok(queue);
    return { queue, url: `${endpoint.url}/000000000000/${QueueName}` };
  };
  return { clock, endpoint, config, sqs, createQueue };
}

function schedule(due: number, queueArn: string, deadLetterArn?: string) {
  return new CreateScheduleCommand({
    Name: 'track-1',
    ScheduleExpression: atExpression(new Date(due)),
    FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 15 },
    ActionAfterCompletion: 'DELETE',
    Target: {
      Arn: queueArn,
      RoleArn: 'arn:aws:iam::000000000000:role/scheduler',
      Input: 'due',
      ...(deadLetterArn !== undefined && { DeadLetterConfig: { Arn: deadLetterArn } }),
    },
  });
}

describe('the AWS endpoint', () => {
  test('a schedule for the 13th day fires when the clock comes to it, and wakes a long poll', async (t) => {
    const { clock, config, sqs, createQueue } = await start(t);
    const { queue, url } = await createQueue('archive');
    const scheduler = new SchedulerClient(config);
    const due = clock.now() + 13 * day;
    await scheduler.send(schedule(due, queue.arn));
    await clock.advanceTo(due - day);
    assert.equal(queue.messages.length, 0);
    const poll = sqs.send(new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 }));
    await clock.advanceTo(due + 1000);
    assert.equal((await poll).Messages?.[0]?.Body, 'due');
    assert.deepEqual((await scheduler.send(new ListSchedulesCommand({}))).Schedules, []);
  });

  test('a schedule whose queue is gone reaches its dead-letter queue with the reason', async (t) => {
    const { clock, config, sqs, createQueue } = await start(t);
    const target = await createQueue('archive');
    const { queue: dead } = await createQueue('schedule-dead-letter');
    const due = Math.ceil(clock.now() / 1000) * 1000 + day;
    await new SchedulerClient(config).send(schedule(due, target.queue.arn, dead.arn));
    await sqs.send(new DeleteQueueCommand({ QueueUrl: target.url }));
    await clock.advanceTo(due);
    const [message] = dead.messages;
    assert.equal(message?.body, 'due');
    const value = (name: string) => message?.attributes[name]?.StringValue;
    assert.equal(value('ERROR_CODE'), 'AWS.SimpleQueueService.NonExistentQueue');
    assert.equal(value('TARGET_ARN'), target.queue.arn);
    assert.equal(value('SCHEDULED_TIME'), new Date(due).toISOString().replace('.000Z', 'Z'));
    assert.match(value('SCHEDULE_ARN') ?? '', /schedule\/default\/track-1$/);
  });

  test('a schedule for a time that is over is refused, which AWS does not document', async (t) => {
    const { clock, config, createQueue } = await start(t);
    const { queue } = await createQueue('archive');
    const past = schedule(clock.now() - 2000, queue.arn);
    await assert.rejects(new SchedulerClient(config).send(past), { name: 'ValidationException' });
  });

  test('a receipt that a later receive has replaced deletes nothing, without an error', async (t) => {
    const { clock, sqs, createQueue } = await start(t);
    const { queue, url } = await createQueue('archive');
    queue.send('x');
    const receipt = async () => {
      const command = new ReceiveMessageCommand({ QueueUrl: url, VisibilityTimeout: 1 });
      return (await sqs.send(command)).Messages?.[0]?.ReceiptHandle;
    };
    const stale = await receipt();
    await clock.advanceTo(clock.now() + 1100);
    const fresh = await receipt();
    await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: stale }));
    assert.equal(queue.messages.length, 1);
    await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: fresh }));
    assert.equal(queue.messages.length, 0);
  });

  test('a message is not handed to a client that has hung up', async (t) => {
    const { sqs, createQueue } = await start(t);
    const { queue, url } = await createQueue('archive');
    const abort = new AbortController();
    const poll = sqs.send(new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 }), {
      abortSignal: abort.signal,
    });
    await until(() => queue.waiting === 1);
    abort.abort();
    await assert.rejects(poll, { name: 'AbortError' });
    await until(() => queue.waiting === 0);
    await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' }));
    assert.deepEqual(queue.counts(), { visible: 1, inFlight: 0 });
  });

  test('a wipe loses queues, messages and schedules, and ends long polls', async (t) => {
    const { clock, endpoint, config, sqs, createQueue } = await start(t);
    const { queue, url } = await createQueue('archive');
    const scheduler = new SchedulerClient(config);
    await scheduler.send(schedule(clock.now() + day, queue.arn));
    const poll = sqs.send(new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 }));
    await until(() => queue.waiting === 1);
    endpoint.wipe();
    assert.equal((await poll).Messages?.length ?? 0, 0);
    assert.equal(endpoint.queue('archive'), undefined);
    assert.deepEqual((await scheduler.send(new ListSchedulesCommand({}))).Schedules, []);
    assert.equal(clock.next(), undefined);
  });

  test('a parameter that does nothing here is refused', async (t) => {
    const { sqs, createQueue } = await start(t);
    const { queue, url: QueueUrl } = await createQueue('archive');
    const delayed = new SendMessageCommand({ QueueUrl, MessageBody: 'x', DelaySeconds: 1 });
    await assert.rejects(sqs.send(delayed), { name: 'InvalidParameterValue' });
    assert.equal(queue.messages.length, 0);
  });

  test('requests that are no AWS requests get an error that says so', async (t) => {
    const { endpoint } = await start(t);
    const ask = async (init: RequestInit, path = '/') => {
      const response = await fetch(endpoint.url + path, { method: 'POST', ...init });
      return [response.status, response.headers.get('x-amzn-errortype')];
    };
    const sqs = (action: string) => ({ 'x-amz-target': `AmazonSQS.${action}` });
    assert.deepEqual(await ask({ headers: sqs('SendMessage'), body: '{' }), [
      400,
      'SerializationException',
    ]);
    assert.deepEqual(await ask({ headers: sqs('SendMessage'), body: '{}' }), [
      400,
      'InvalidParameterValue',
    ]);
    assert.deepEqual(await ask({ headers: sqs('toString') }), [400, 'InvalidAction']);
    const s3 = { 'x-amz-target': 'S3.Get' };
    assert.deepEqual(await ask({ headers: s3 }), [404, 'UnknownOperationException']);
    assert.deepEqual(await ask({}, '/elsewhere'), [404, 'UnknownOperationException']);
  });
});
