import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import {
  archiveEnvironment,
  enqueueEnvironment,
  sweepEnvironment,
} from '../../core/environment.ts';
import { metricNamespace } from '../../core/metrics.ts';
import { lambdaNames } from '../../lambdas/bundle.ts';
import { root } from './example.ts';
import { readable, synthesize } from './synthesize.ts';

const { app, stack, resources, bundlesFolder } = synthesize();
const functions = resources.filter(({ Type }) => Type === 'AWS::Lambda::Function');
const nameOf = (resource: { Properties: Record<string, unknown> }) =>
  String(resource.Properties.FunctionName);

const variablesOf = (name: string): Record<string, unknown> => {
  const found = functions.find((each) => nameOf(each) === `track-archiver-${name}`);
  assert.ok(found, `a function named after ${name}`);
  return (found.Properties.Environment as { Variables: Record<string, unknown> }).Variables;
};

test('every function runs Node 24 on arm64 and logs JSON into a group with retention', () => {
  const node = readFileSync(join(root, '.node-version'), 'utf8').trim();
  assert.deepEqual(functions.map(nameOf), [
    'track-archiver-enqueue',
    'track-archiver-archive',
    'track-archiver-archive-tracks',
    'track-archiver-sweep',
  ]);
  for (const { id, Properties } of functions) {
    assert.equal(Properties.Runtime, `nodejs${node}.x`, id);
    assert.deepEqual(Properties.Architectures, ['arm64'], id);
    assert.equal(Properties.Handler, 'index.handler', id);
    assert.match(readable(Properties.LoggingConfig), /LogFormat=JSON, LogGroup=<\w+Logs>/, id);
  }
  for (const { id, Properties } of resources.filter(({ Type }) => Type === 'AWS::Logs::LogGroup')) {
    assert.equal(Properties.RetentionInDays, 30, id);
  }
});

const contracts = {
  enqueue: enqueueEnvironment,
  archive: archiveEnvironment,
  'archive-tracks': archiveEnvironment,
  sweep: sweepEnvironment,
};

test('every Lambda is deployed, and its environment is one of those below', async () => {
  const names = await lambdaNames();
  assert.deepEqual(
    functions.map((each) => nameOf(each).replace('track-archiver-', '')).sort(),
    names,
    'infra/track-archiver-stack.ts deploys others than lambdas/ has',
  );
  assert.deepEqual(Object.keys(contracts).sort(), names);
});

for (const [name, contract] of Object.entries(contracts)) {
  test(`the environment of the ${name} Lambda is one that it accepts`, () => {
    const variables = variablesOf(name);
    const known = new Set([...Object.keys(contract.shape), 'POWERTOOLS_METRICS_NAMESPACE']);
    assert.deepEqual(
      Object.keys(variables).filter((variable) => !known.has(variable)),
      [],
    );
    const deployed = Object.fromEntries(
      Object.entries(variables).map(([variable, value]) => [variable, deployedValue(value)]),
    );
    assert.deepEqual(contract.safeParse(deployed).error?.issues, undefined);
  });

  test(`the ${name} Lambda writes metrics where the alarms look for them`, () => {
    const variables = variablesOf(name);
    assert.equal(variables.POWERTOOLS_SERVICE_NAME, `track-archiver-${name}`);
    assert.equal(variables.POWERTOOLS_METRICS_NAMESPACE, metricNamespace);
  });

  test(`the ${name} Lambda is deployed with the bytes of its tested bundle and nothing else`, () => {
    const manifest = app.synth().getStackArtifact(stack.artifactId).assets;
    const { files } = JSON.parse(
      readFileSync(join(app.outdir, `${stack.stackName}.assets.json`), 'utf8'),
    );
    assert.ok(manifest !== undefined);
    const built = readFileSync(join(bundlesFolder, name, 'index.mjs'));
    const deployed = Object.values<{ source: { path: string } }>(files)
      .filter(({ source }) => source.path.startsWith('asset.'))
      .map(({ source }) => readFileSync(join(app.outdir, source.path, 'index.mjs')));
    assert.ok(deployed.some((bytes) => bytes.equals(built)));
  });
}

test('each Lambda has the environment that this table says', () => {
  const archiving = {
    SECRET_ID: '<Secret>',
    ARCHIVE_QUEUE_URL: '<QueuesArchive>',
    DEAD_LETTER_QUEUE_URL: '<QueuesDeadLetters>',
  };
  const copying = { ...archiving, PROVIDER_TIMEOUT_MS: '30000' };
  const scheduling = {
    SECRET_ID: '<Secret>',
    SCHEDULE_GROUP: 'track-archiver',
    SCHEDULE_ROLE_ARN: '<SchedulesRole.Arn>',
    SCHEDULE_WINDOW_MINUTES: '15',
    SCHEDULE_DEAD_LETTER_ARN: '<QueuesScheduleDeadLetters.Arn>',
    ARCHIVE_QUEUE_ARN: '<QueuesArchive.Arn>',
    ARCHIVE_QUEUE_URL: '<QueuesArchive>',
  };
  const expected = {
    enqueue: scheduling,
    archive: copying,
    'archive-tracks': copying,
    sweep: { ...scheduling, ...archiving, ARCHIVE_CONCURRENCY: '5' },
  };
  for (const [name, places] of Object.entries(expected)) {
    const own = Object.entries(variablesOf(name)).filter(([key]) => !key.startsWith('POWERTOOLS_'));
    assert.deepEqual(Object.fromEntries(own.map(([key, value]) => [key, readable(value)])), places);
  }
});

test('what is for the local stack only never reaches a deployed Lambda', () => {
  const text = JSON.stringify(resources);
  for (const variable of [
    'PROVIDER_ADDRESS_OVERRIDES',
    'AWS_ENDPOINT_URL',
    'NODE_EXTRA_CA_CERTS',
  ]) {
    assert.ok(!text.includes(variable), variable);
  }
});

/** What stands in for a value that is known only after the deployment: a Ref to a queue is its URL. */
function deployedValue(value: unknown): string {
  if (typeof value === 'string') return value;
  const text = readable(value);
  if (text.endsWith('.Arn>')) return 'arn:aws:service:region:account:name';
  return /^<Queues\w+>$/.test(text) ? 'https://sqs.invalid/queue' : text;
}
