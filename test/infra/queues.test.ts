import assert from 'node:assert/strict';
import { test } from 'vitest';
import { batchSize, maxReceiveCount, timings } from '../../core/timings.ts';
import { readable, synthesize, withoutHash } from './synthesize.ts';

const { resources } = synthesize();

function the(type: string, name: string): Record<string, unknown> {
  const found = resources.filter(({ id, Type }) => Type === type && withoutHash(id) === name);
  const [resource] = found;
  assert.ok(resource !== undefined && found.length === 1, `one ${type} ${name}`);
  return resource.Properties;
}

const archiveQueue = the('AWS::SQS::Queue', 'QueuesArchive');
const archiveFunction = the('AWS::Lambda::Function', 'ArchiveLambdaFunction');
const [mapping] = resources.filter(({ Type }) => Type === 'AWS::Lambda::EventSourceMapping');

test('the visibility timeout is at least six times the timeout of the archive Lambda', () => {
  assert.ok(Number(archiveQueue.VisibilityTimeout) >= 6 * Number(archiveFunction.Timeout));
});

test('the timeouts of the Lambdas are those that the lease and the redelivery derive from', () => {
  assert.equal(archiveFunction.Timeout, timings.archiveTimeout);
  assert.ok(timings.lease > Number(archiveFunction.Timeout));
  assert.ok(timings.crashRedelivery > timings.lease);
  const archiveTracks = the('AWS::Lambda::Function', 'ArchiveTracksLambdaFunction');
  assert.equal(archiveTracks.Timeout, timings.archiveTimeout);
  const sweep = the('AWS::Lambda::Function', 'SweepLambdaFunction');
  assert.equal(sweep.Timeout, timings.sweepTimeout);
  const enqueue = the('AWS::Lambda::Function', 'EnqueueLambdaFunction');
  assert.equal(enqueue.Timeout, timings.enqueueTimeout);
});

test('after the last receive a message goes to the dead-letter queue', () => {
  assert.equal(
    readable(archiveQueue.RedrivePolicy),
    `deadLetterTargetArn=<QueuesDeadLetters.Arn>, maxReceiveCount=${maxReceiveCount}`,
  );
});

test('every queue keeps messages for 14 days, encrypts them, and outlives the stack', () => {
  const queues = resources.filter(({ Type }) => Type === 'AWS::SQS::Queue');
  assert.equal(queues.length, 3);
  for (const { id, Properties, DeletionPolicy, UpdateReplacePolicy } of queues) {
    assert.equal(Properties.MessageRetentionPeriod, 14 * 24 * 60 * 60, id);
    assert.equal(Properties.SqsManagedSseEnabled, true, id);
    assert.equal(Properties.QueueName, undefined, `${id} has a name that a left-over queue blocks`);
    assert.deepEqual([DeletionPolicy, UpdateReplacePolicy], ['Retain', 'Retain'], id);
  }
});

test('the archive Lambda takes batches from the archive queue and reports failures one by one', () => {
  assert.ok(mapping);
  const { EventSourceArn, FunctionName, BatchSize, FunctionResponseTypes, ScalingConfig } =
    mapping.Properties;
  assert.equal(readable(EventSourceArn), '<QueuesArchive.Arn>');
  assert.equal(readable(FunctionName), '<ArchiveLambdaFunction>');
  assert.equal(BatchSize, batchSize);
  assert.deepEqual(FunctionResponseTypes, ['ReportBatchItemFailures']);
  assert.deepEqual(ScalingConfig, { MaximumConcurrency: 5 });
});
