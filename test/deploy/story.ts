import assert from 'node:assert/strict';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { GetScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { readStackOutputs } from '../../adapters/stack-outputs.ts';
import { scheduleName } from '../../core/schedule.ts';
import { labelledMedia } from '../../local/provider/media.ts';
import { demoHosts, startProvider } from '../../local/provider/server.ts';
import { until } from '../support/until.ts';
import { bootstrap, build, connect, deploy, synthesize } from './commands.ts';
import type { Emulator } from './emulator.ts';
import { addVariables, codeDigest, functionName } from './functions.ts';
import { ensureRedrive, reachableWebhookUrl, redriveByHand } from './gaps.ts';
import { startProject } from './project.ts';

interface Deployment {
  emulator: Emulator;
  directory: string;
  log: (text: string) => void;
  started: AsyncDisposableStack;
}

const stack = 'track-archiver';
/** Milliseconds: the emulator's Scheduler looks every ten seconds and its Lambdas start cold. */
const soon = 60_000;
const dueInSeconds = 75;

/** From nothing to a running system, three tracks on their way, and a second deployment. */
export async function playDeployment({ emulator, directory, log, started }: Deployment) {
  const commands = { environment: emulator.environment, directory };
  const client = {
    endpoint: emulator.url,
    region: emulator.environment.AWS_REGION ?? '',
    credentials: {
      accessKeyId: emulator.environment.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: 'test',
    },
  };
  const cloudFormation = new CloudFormationClient(client);
  const lambda = new LambdaClient(client);
  const sqs = new SQSClient(client);
  const scheduler = new SchedulerClient(client);
  for (const each of [cloudFormation, lambda, sqs, scheduler]) started.defer(() => each.destroy());

  const project = await startProject(directory);
  started.defer(project.stop);
  const provider = await startProvider({ directory });
  started.defer(provider.stop);
  log('Supabase and a demo provider run; the database is empty');

  await build();
  const { cdkOut, replaced } = await synthesize(commands, 'first.out', stack);
  log(`cdk synth; plain metrics stand in for ${replaced.length} alarms`);
  await bootstrap(commands, cdkOut);
  log('cdk bootstrap');
  await deploy(commands, cdkOut);
  const outputs = await readStackOutputs(cloudFormation, stack);
  log('cdk deploy');
  if (await ensureRedrive(sqs, outputs)) log('the redrive policy was missing and is set');

  const archive = await functionName(cloudFormation, stack, 'ArchiveLambda');
  const variables = {
    AWS_ENDPOINT_URL: emulator.url,
    PROVIDER_ADDRESS_OVERRIDES: provider.addressOverrides,
    NODE_EXTRA_CA_CERTS: provider.certificate,
    RETRY_BASE_DELAY_MS: '100',
  };
  await addVariables(lambda, archive, variables);

  const addresses = [
    ...['--database-url', project.databaseUrl, '--supabase-url', project.url],
    ...['--webhook-url', reachableWebhookUrl(emulator.url, outputs.WebhookUrl)],
  ];
  const withKey = {
    ...commands,
    environment: { ...commands.environment, SUPABASE_SECRET_KEY: project.secretKey },
  };
  const connected = await connect(withKey, addresses);
  log(`npm run connect: ${connected.trim().split('\n').length} steps, ${lastLine(connected)}`);
  const checked = await connect(commands, [...addresses, '--check']);
  log(`npm run connect -- --check: ${checked.match(/^✓/gm)?.length} checks hold`);
  for (const [name, host] of Object.entries(demoHosts)) await project.allow(name, host);

  const serve = async (name: string, host: string = demoHosts.replicate, status?: number) => {
    const url = `https://${host}/${name}.mp3`;
    const file = await labelledMedia('song.mp3', name);
    provider.serve(url, file, status === undefined ? { kind: 'ok' } : { kind: 'status', status });
    return { url, file };
  };
  const isStored = async (address: string, file: Buffer) => {
    const answer = await fetch(address);
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), Buffer.from(file));
  };

  const later = await serve('later', demoHosts.suno);
  const laterTrack = await project.insertTrack('suno', later.url, dueInSeconds);
  const Name = scheduleName(laterTrack.id);
  await until(
    () => scheduler.send(new GetScheduleCommand({ GroupName: outputs.ScheduleGroup, Name })),
    { timeout: soon, interval: 200, what: 'the schedule of the later track' },
  );
  log(`later track: completed, webhook, schedule for ${laterTrack.dueAt.toISOString()}`);

  const urgent = await serve('urgent');
  const urgentTrack = await project.insertTrack('replicate', urgent.url);
  await isStored(await project.archived(urgentTrack, soon), urgent.file);
  log('urgent track: completed, webhook, queue, archived; its file is the provider’s');

  const poisoned = await serve('poisoned', demoHosts.replicate, 404);
  const poisonedTrack = await project.insertTrack('replicate', poisoned.url);
  const deadLetters = async () => {
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: outputs.DeadLetterQueueUrl,
        AttributeNames: ['ApproximateNumberOfMessages'],
      }),
    );
    return Number(Attributes?.ApproximateNumberOfMessages ?? 0);
  };
  await until(async () => (await deadLetters()) === 1, {
    timeout: soon,
    interval: 200,
    what: 'the poisoned track in the dead-letter queue',
  });
  log('poisoned track: failed at its provider, in the dead-letter queue');
  provider.serve(poisoned.url, poisoned.file);
  assert.equal(await redriveByHand(sqs, outputs), 1);
  await isStored(await project.archived(poisonedTrack, soon), poisoned.file);
  assert.equal(await deadLetters(), 0);
  log('poisoned track: provider healed, redriven, archived');

  const address = await project.archived(laterTrack, (dueInSeconds + 60) * 1000);
  await isStored(address, later.file);
  assert.ok(Date.now() >= laterTrack.dueAt.getTime() - 1000, 'not before it was due');
  log('later track: its schedule fired, archived');

  const before = await codeDigest(lambda, archive);
  await build('a second deployment');
  try {
    const second = await synthesize(commands, 'second.out', stack);
    await deploy(commands, second.cdkOut);
  } finally {
    await build();
  }
  assert.notEqual(await codeDigest(lambda, archive), before, 'other code is deployed');
  await ensureRedrive(sqs, outputs);
  await addVariables(lambda, archive, variables);
  log('cdk deploy, with changed code');
  const again = await serve('again');
  const againTrack = await project.insertTrack('replicate', again.url);
  await isStored(await project.archived(againTrack, soon), again.file);
  log('another track after it: archived');
  const rechecked = await connect(commands, [...addresses, '--check']);
  log(`npm run connect -- --check: ${rechecked.match(/^✓/gm)?.length} checks hold`);
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.slice(0, 160) ?? '';
