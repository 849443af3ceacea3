import assert from 'node:assert/strict';
import { test } from 'vitest';
import { exampleContext } from './example.ts';
import { readable, synthesize, withoutHash } from './synthesize.ts';

const the = (type: string, context?: Record<string, unknown>) => {
  const found = synthesize(context).resources.filter(({ Type }) => Type === type);
  const [resource] = found;
  assert.ok(resource !== undefined && found.length === 1, `one ${type}`);
  return resource.Properties;
};

test('a timer of the sweep’s name runs it every hour, in a group that is not that of the tracks', () => {
  const schedule = the('AWS::Scheduler::Schedule');
  assert.equal(schedule.Name, 'track-archiver-sweep');
  assert.equal(schedule.GroupName, 'track-archiver-sweep');
  assert.equal(schedule.ScheduleExpression, 'rate(1 hour)');
  assert.equal(
    readable(schedule.Target),
    'Arn=<SweepLambdaFunction.Arn>, Input={}, RetryPolicy=MaximumEventAgeInSeconds=3600, RoleArn=<SweepTimerRole.Arn>',
  );
});

test('the timer is made after its group and what its role allows, since it fires at once', () => {
  const { resources } = synthesize();
  const timer = resources.find(({ Type }) => Type === 'AWS::Scheduler::Schedule');
  assert.deepEqual(timer?.DependsOn?.map(withoutHash).sort(), [
    'SweepTimerGroup',
    'SweepTimerRole',
    'SweepTimerRoleDefaultPolicy',
  ]);
});

test('how often it runs is a setting, and a late run is dropped when the next is due', () => {
  const context = { ...exampleContext, sweepEveryMinutes: '10' };
  const schedule = the('AWS::Scheduler::Schedule', context);
  assert.equal(schedule.ScheduleExpression, 'rate(10 minutes)');
  assert.match(readable(schedule.Target), /MaximumEventAgeInSeconds=600,/);
  assert.equal(the('AWS::Lambda::EventInvokeConfig', context).MaximumEventAgeInSeconds, 600);
});

test('a run that fails is tried twice more', () => {
  const { FunctionName, MaximumRetryAttempts, MaximumEventAgeInSeconds } = the(
    'AWS::Lambda::EventInvokeConfig',
  );
  assert.equal(readable(FunctionName), '<SweepLambdaFunction>');
  assert.equal(MaximumRetryAttempts, 2);
  assert.equal(MaximumEventAgeInSeconds, 3600);
});

test('the sweep paces itself by as many archive Lambdas as the queue may start', () => {
  const { resources } = synthesize({ ...exampleContext, maxConcurrency: '7' });
  const sweep = resources.find(
    ({ Properties }) => Properties.FunctionName === 'track-archiver-sweep',
  );
  const { Variables } = (sweep?.Properties.Environment ?? {}) as {
    Variables?: Record<string, string>;
  };
  const [mapping] = resources.filter(({ Type }) => Type === 'AWS::Lambda::EventSourceMapping');
  assert.equal(Variables?.ARCHIVE_CONCURRENCY, '7');
  assert.deepEqual(mapping?.Properties.ScalingConfig, { MaximumConcurrency: 7 });
});
