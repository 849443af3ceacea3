import assert from 'node:assert/strict';
import {
  ConflictException,
  ResourceNotFoundException,
  type SchedulerClient,
} from '@aws-sdk/client-scheduler';
import { test } from 'vitest';
import { createScheduler } from '../../adapters/scheduler.ts';

const metadata = { $metadata: {}, Message: '', message: '' };
const conflict = () => new ConflictException(metadata);
const notFound = () => new ResourceNotFoundException(metadata);

/** A scheduler whose service responds to the calls in turn: an error is thrown, undefined is fine. */
function responding(...responses: (Error | undefined)[]) {
  const calls: string[] = [];
  const client = {
    send: async (command: object) => {
      calls.push(command.constructor.name.replace('ScheduleCommand', ''));
      const response = responses.shift();
      if (response !== undefined) throw response;
      return {};
    },
  } as unknown as SchedulerClient;
  const arn = 'arn:aws:x';
  const options = { client, group: 'g', roleArn: arn, queueArn: arn, deadLetterArn: arn };
  const scheduler = createScheduler(options);
  return {
    calls,
    put: () => scheduler.put('id', new Date(), 0),
    remove: () => scheduler.remove('id'),
  };
}

test('a schedule that is not there is created', async () => {
  const { calls, put } = responding();
  assert.equal(await put(), 'created');
  assert.deepEqual(calls, ['Create']);
});

test('a schedule that is there is moved', async () => {
  const { calls, put } = responding(conflict());
  assert.equal(await put(), 'updated');
  assert.deepEqual(calls, ['Create', 'Update']);
});

test('a schedule that fires between create and update is created again', async () => {
  const { calls, put } = responding(conflict(), notFound());
  assert.equal(await put(), 'created');
  assert.deepEqual(calls, ['Create', 'Update', 'Create']);
});

test('create and update do not take turns for ever', async () => {
  const { calls, put } = responding(conflict(), notFound(), conflict(), notFound(), conflict());
  await assert.rejects(put(), ConflictException);
  assert.equal(calls.length, 5);
});

test('any other error is thrown, and nothing is tried behind it', async () => {
  for (const responses of [[new Error('denied')], [conflict(), new Error('denied')]]) {
    const { calls, put } = responding(...responses);
    await assert.rejects(put(), /denied/);
    assert.equal(calls.length, responses.length);
  }
});

test('removing what is not there is fine; what is refused is thrown', async () => {
  await responding(notFound()).remove();
  await assert.rejects(responding(new Error('denied')).remove(), /denied/);
});
