import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  CreateScheduleGroupCommand,
  DeleteScheduleCommand,
  DeleteScheduleGroupCommand,
  GetScheduleCommand,
  ListSchedulesCommand,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import { describe, test } from 'vitest';
import { atExpression } from '../../../core/schedule.ts';
import type { Cleanup } from '../../support/cleanup.ts';
import { until } from '../../support/until.ts';
import { connect, receive, schedulePatience } from './contract.ts';

const RoleArn = 'arn:aws:iam::000000000000:role/scheduler';

/** A schedule group and a queue of the test's own, and the input of a schedule into it. */
async function setUp(t: Cleanup) {
  const contract = await connect(t);
  const { scheduler, now } = contract;
  const group = `contract-${randomUUID()}`;
  await scheduler.send(new CreateScheduleGroupCommand({ Name: group }));
  t.onTestFinished(() =>
    scheduler.send(new DeleteScheduleGroupCommand({ Name: group })).catch(() => undefined),
  );
  const queue = await contract.createQueue();
  const input = (
    seconds: number,
    overrides: Partial<CreateScheduleCommandInput> = {},
  ): CreateScheduleCommandInput => ({
    Name: 'track-1',
    GroupName: group,
    ScheduleExpression: atExpression(new Date(now() + seconds * 1000)),
    FlexibleTimeWindow: { Mode: 'OFF' },
    ActionAfterCompletion: 'DELETE',
    Target: { Arn: queue.arn, RoleArn, Input: '{"v":1}' },
    ...overrides,
  });
  return { ...contract, group, queue, input };
}

describe('EventBridge Scheduler', () => {
  test('a due schedule sends its input to the queue, once, and deletes itself', async (t) => {
    const { scheduler, sqs, pass, group, queue, input } = await setUp(t);
    await scheduler.send(new CreateScheduleCommand(input(3)));
    assert.deepEqual(await receive(sqs, queue.url), []);
    await pass(4);
    const [message] = await until(
      async () => {
        const messages = await receive(sqs, queue.url);
        return messages.length > 0 && messages;
      },
      { timeout: schedulePatience, what: 'the arrival of the schedule' },
    );
    assert.equal(message?.Body, '{"v":1}');
    await until(() =>
      scheduler.send(new GetScheduleCommand({ Name: 'track-1', GroupName: group })).then(
        () => false,
        (error) => error.name === 'ResourceNotFoundException',
      ),
    );
    assert.deepEqual(await receive(sqs, queue.url), []);
  });

  test('what was asked for is what is kept', async (t) => {
    const { scheduler, group, queue, input } = await setUp(t);
    const asked = input(3600, {
      FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 15 },
      Target: {
        Arn: queue.arn,
        RoleArn,
        Input: 'ü',
        RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 },
        DeadLetterConfig: { Arn: queue.arn },
      },
    });
    const { ScheduleArn } = await scheduler.send(new CreateScheduleCommand(asked));
    const got = await scheduler.send(new GetScheduleCommand({ Name: 'track-1', GroupName: group }));
    assert.equal(got.Arn, ScheduleArn);
    assert.equal(got.ScheduleExpression, asked.ScheduleExpression);
    assert.deepEqual(got.FlexibleTimeWindow, asked.FlexibleTimeWindow);
    assert.deepEqual(got.Target, asked.Target);
    assert.equal(got.ActionAfterCompletion, 'DELETE');
    assert.equal(got.State, 'ENABLED');
    assert.ok(got.CreationDate instanceof Date);
  });

  test('a second schedule of the same name is a conflict', async (t) => {
    const { scheduler, input } = await setUp(t);
    await scheduler.send(new CreateScheduleCommand(input(3600)));
    await assert.rejects(scheduler.send(new CreateScheduleCommand(input(3600))), {
      name: 'ConflictException',
    });
  });

  test('a request that is repeated with its client token makes no second schedule', async (t) => {
    const { scheduler, input } = await setUp(t);
    const first = input(3600, { ClientToken: 'token-1' });
    const { ScheduleArn } = await scheduler.send(new CreateScheduleCommand(first));
    const repeated = await scheduler.send(new CreateScheduleCommand(first));
    assert.equal(repeated.ScheduleArn, ScheduleArn);
  });

  test('an updated schedule fires at its new time only', async (t) => {
    const { scheduler, sqs, pass, queue, input } = await setUp(t);
    await scheduler.send(new CreateScheduleCommand(input(3)));
    await scheduler.send(new UpdateScheduleCommand(input(3600)));
    await pass(5);
    assert.deepEqual(await receive(sqs, queue.url), []);
    await scheduler.send(new UpdateScheduleCommand(input(2)));
    await pass(3);
    await until(async () => (await receive(sqs, queue.url)).length === 1, {
      timeout: schedulePatience,
      what: 'the arrival of the schedule',
    });
  });

  test('a deleted schedule never fires, and is not found', async (t) => {
    const { scheduler, sqs, pass, group, queue, input } = await setUp(t);
    await scheduler.send(new CreateScheduleCommand(input(3)));
    const name = { Name: 'track-1', GroupName: group };
    await scheduler.send(new DeleteScheduleCommand(name));
    await pass(5);
    assert.deepEqual(await receive(sqs, queue.url), []);
    const notFound = { name: 'ResourceNotFoundException' };
    await assert.rejects(scheduler.send(new DeleteScheduleCommand(name)), notFound);
    await assert.rejects(scheduler.send(new GetScheduleCommand(name)), notFound);
    await assert.rejects(scheduler.send(new UpdateScheduleCommand(input(60))), notFound);
  });

  test('schedules are listed by prefix, page by page, in no order that AWS tells', async (t) => {
    const { scheduler, group, input } = await setUp(t);
    for (const Name of ['track-a', 'track-b', 'track-c', 'other']) {
      await scheduler.send(new CreateScheduleCommand(input(3600, { Name })));
    }
    const list = (NextToken?: string) =>
      scheduler.send(
        new ListSchedulesCommand({
          GroupName: group,
          NamePrefix: 'track-',
          MaxResults: 2,
          NextToken,
        }),
      );
    const first = await list();
    assert.equal(first.Schedules?.length, 2);
    const second = await list(first.NextToken);
    assert.equal(second.NextToken, undefined);
    const names = [...first.Schedules, ...(second.Schedules ?? [])].map(({ Name }) => Name);
    assert.deepEqual(names.sort(), ['track-a', 'track-b', 'track-c']);
  });

  for (const [what, wrong] of Object.entries({
    'a name with a space': { Name: 'a b' },
    'a name of more than 64 characters': { Name: 'x'.repeat(65) },
    'an expression without a time': { ScheduleExpression: 'at(tomorrow)' },
    'a window of more than a day': {
      FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 1441 },
    },
  } satisfies Record<string, Partial<CreateScheduleCommandInput>>)) {
    test(`${what} is a ValidationException`, async (t) => {
      const { scheduler, input } = await setUp(t);
      await assert.rejects(scheduler.send(new CreateScheduleCommand(input(60, wrong))), {
        name: 'ValidationException',
      });
    });
  }

  test('a schedule group is made once', async (t) => {
    const { scheduler, group } = await setUp(t);
    await assert.rejects(scheduler.send(new CreateScheduleGroupCommand({ Name: group })), {
      name: 'ConflictException',
    });
  });

  test('a schedule needs its group', async (t) => {
    const { scheduler, group, input } = await setUp(t);
    const elsewhere = input(60, { GroupName: `${group}-not-there` });
    await assert.rejects(scheduler.send(new CreateScheduleCommand(elsewhere)), {
      name: 'ResourceNotFoundException',
    });
  });
});
