import assert from 'node:assert/strict';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { GetScheduleCommand, ResourceNotFoundException } from '@aws-sdk/client-scheduler';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { scheduleName } from '../../core/schedule.ts';
import { labelledMedia } from '../../local/provider/media.ts';
import { demoHosts, startProvider } from '../../local/provider/server.ts';
import { deployAndConnect } from './deployed.ts';
import type { Emulator } from './emulator.ts';
import { redriveByHand } from './gaps.ts';
import { startProject } from './project.ts';
import { waitFor } from './wait.ts';

interface Deployment {
  emulator: Emulator;
  directory: string;
  log: (text: string) => void;
  started: AsyncDisposableStack;
}

/** Milliseconds: the emulator's Scheduler polls every ten seconds and its Lambdas start cold. */
const timeout = 60_000;
const dueInSeconds = 75;

/** From nothing to a running system, tracks on every way that there is, and a second deployment. */
export async function playDeployment({ emulator, directory, log, started }: Deployment) {
  const project = await startProject(directory);
  started.defer(project.stop);
  const provider = await startProvider({ directory });
  started.defer(provider.stop);
  log('Supabase and a demo provider run; the database is empty');
  const deployed = await deployAndConnect({
    emulator,
    directory,
    log,
    started,
    project,
    provider,
  });
  const { outputs, clients } = deployed;
  log(await deployed.check());
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
  const deadLetters = async () => {
    const { Attributes } = await clients.sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: outputs.DeadLetterQueueUrl,
        AttributeNames: ['ApproximateNumberOfMessages'],
      }),
    );
    return Number(Attributes?.ApproximateNumberOfMessages ?? 0);
  };

  const later = await serve('later', demoHosts.suno);
  const laterTrack = await project.insertTrack('suno', later.url, { dueInSeconds });
  await waitFor({
    what: 'the schedule of the later track',
    timeout,
    async holds() {
      const Name = scheduleName(laterTrack.id);
      try {
        return await clients.scheduler.send(
          new GetScheduleCommand({ GroupName: outputs.ScheduleGroup, Name }),
        );
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return undefined;
        throw error;
      }
    },
    isVain: project.failedWebhook,
  });
  log(`later track: completed, webhook, schedule for ${laterTrack.dueAt.toISOString()}`);

  const urgent = await serve('urgent');
  const urgentTrack = await project.insertTrack('replicate', urgent.url);
  await isStored(await project.archived(urgentTrack, { timeout }), urgent.file);
  log('urgent track: completed, webhook, queue, archived; its file is the provider’s');

  const poisoned = await serve('poisoned', demoHosts.replicate, 410);
  const poisonedTrack = await project.insertTrack('replicate', poisoned.url);
  await waitFor({
    what: 'the poisoned track in the dead-letter queue',
    timeout,
    holds: async () => (await deadLetters()) === 1 || undefined,
    isVain: project.failedWebhook,
  });
  log('poisoned track: failed at its provider, in the dead-letter queue');
  provider.serve(poisoned.url, poisoned.file);
  const since = new Date();
  assert.equal(await redriveByHand(clients.sqs, outputs), 1);
  await isStored(await project.archived(poisonedTrack, { timeout, since }), poisoned.file);
  assert.equal(await deadLetters(), 0);
  log('poisoned track: provider healed, redriven, archived');

  const stalled = await serve('stalled');
  const stalledTrack = await project.insertTrack('replicate', stalled.url, { hasWebhook: false });
  const swept = await clients.lambda.send(
    new InvokeCommand({ FunctionName: outputs.SweepFunctionName, Payload: '{}' }),
  );
  const found = JSON.parse(swept.Payload?.transformToString() ?? '');
  assert.equal(swept.FunctionError, undefined, JSON.stringify(found));
  assert.equal(found.dispatched, 1, JSON.stringify(found));
  assert.equal(found.failed, 0, JSON.stringify(found));
  log('stalled track: completed, its webhook dropped; found by the deployed sweep');
  await isStored(await project.archived(stalledTrack, { timeout }), stalled.file);
  log('stalled track: archived');

  const early = await serve('early', demoHosts.suno);
  const earlyTrack = await project.insertTrack('suno', early.url);
  const answer = await fetch(new URL('functions/v1/archive-tracks', deployed.archiveTracksUrl), {
    method: 'POST',
    headers: { authorization: `Bearer ${project.secretKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ trackId: earlyTrack.id }),
  });
  assert.deepEqual(
    [answer.status, await answer.json()],
    [
      200,
      {
        success: true,
        message: 'Archived 1/1 tracks',
        results: { total: 1, succeeded: 1, failed: 0, errors: [] },
      },
    ],
  );
  await isStored(await project.archived(earlyTrack, { timeout }), early.file);
  log('early track: due in 13 days, archived at once by the deployed archive-tracks');

  await deployed.deployAgain();
  log('cdk deploy, with changed code');
  const again = await serve('again');
  const againTrack = await project.insertTrack('replicate', again.url);
  await isStored(await project.archived(againTrack, { timeout }), again.file);
  log('another track after it: archived');

  const remaining = Math.max(0, laterTrack.dueAt.getTime() - Date.now());
  const address = await project.archived(laterTrack, { timeout: remaining + timeout });
  await isStored(address, later.file);
  assert.ok(Date.now() >= laterTrack.dueAt.getTime() - 1000, 'not before it was due');
  log('later track: its schedule outlived the deployment and fired, archived');
  log(await deployed.check());
}
