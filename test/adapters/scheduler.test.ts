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

/** A scheduler whose service answers the calls in turn: an error is thrown, undefined is fine. */
function answering(...answers: (Error | undefined)[]) {
  const calls: string[] = [];
  const client = {
    send: async (command: object) => {
      calls.push(command.constructor.name.replace('ScheduleCommand', ''));
      const answer = answers.shift();
      if (answer !== undefined) throw answer;
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
  const { calls, put } = answering();
  assert.equal(await put(), 'created');
  assert.deepEqual(calls, ['Create']);
});

test('a schedule that is there is moved', async () => {
  const { calls, put } = answering(conflict());
  assert.equal(await put(), 'updated');
  assert.deepEqual(calls, ['Create', 'Update']);
});

test('a schedule that fires between create and update is created again', async () => {
  const { calls, put } = answering(conflict(), notFound());
  assert.equal(await put(), 'created');
  assert.deepEqual(calls, ['Create', 'Update', 'Create']);
});

test('create and update do not take turns for ever', async () => {
  const { calls, put } = answering(conflict(), notFound(), conflict(), notFound(), conflict());
  await assert.rejects(put(), ConflictException);
  assert.equal(calls.length, 5);
});

test('any other error is thrown, and nothing is tried behind it', async () => {
  for (const answers of [[new Error('denied')], [conflict(), new Error('denied')]]) {
    const { calls, put } = answering(...answers);
    await assert.rejects(put(), /denied/);
    assert.equal(calls.length, answers.length);
  }
});

test('removing what is not there is fine; what is refused is thrown', async () => {
  await answering(notFound()).remove();
  await assert.rejects(answering(new Error('denied')).remove(), /denied/);
});
