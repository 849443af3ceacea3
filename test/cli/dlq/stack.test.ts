import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'vitest';
import { names } from '../../../local/stack/aws-resources.ts';
import { newTrack, newUser } from '../../migrations/app.ts';
import { type Listed, startListed } from './listed.ts';
import { bury, reportOf, tracksIn } from './world.ts';

/** With a stack whose outputs name the queues, the secret and the project. */
async function startDeployed(t: TestContext): Promise<Listed> {
  const world = await startListed(t);
  const { environment, gateway, proxy } = world;
  const outputs = {
    WebhookUrl: 'https://function.example/',
    SupabaseUrl: gateway.url,
    SecretArn: 'track-archiver',
    ArchiveQueueUrl: environment.ARCHIVE_QUEUE_URL,
    DeadLetterQueueUrl: environment.DEAD_LETTER_QUEUE_URL,
    ScheduleDeadLetterQueueUrl: `${proxy.url}/000000000000/${names.scheduleDeadLetterQueue}`,
    ScheduleGroup: 'track-archiver',
  };
  const members = Object.entries(outputs).map(
    ([key, value]) =>
      `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
  );
  proxy.intercept = (request, response) => {
    if (request.headers['x-amz-target'] !== undefined) return false;
    response.writeHead(200, { 'content-type': 'text/xml' });
    response.end(`<DescribeStacksResponse><DescribeStacksResult><Stacks><member>
      <StackName>x</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime>
      <StackStatus>UPDATE_COMPLETE</StackStatus><Outputs>${members.join('')}</Outputs>
      </member></Stacks></DescribeStacksResult></DescribeStacksResponse>`);
    return true;
  };
  return world;
}

describe.concurrent('a stack by its name', () => {
  test('its outputs tell the queues and the secret', async (t) => {
    const world = await startDeployed(t);
    const track = await newTrack(world.database, await newUser(world.database));
    bury(world.dead, 'provider_gone', track);
    const ended = await world.run(['dlq', 'list', '--json', '--stack', 'mine']);
    const { database, messages } = reportOf(ended);
    assert.equal(database.problem, null);
    assert.deepEqual([messages[0].trackId, messages[0].title], [track, 'Песня']);
    const moved = await world.run(['redrive', '--yes', '--stack', 'mine']);
    assert.equal(moved.code, 0, moved.stderr);
    assert.deepEqual(tracksIn(world.archive), [track]);
  });

  test('the database of another project, to which every track looks deleted, is not asked', async (t) => {
    const world = await startDeployed(t);
    const other = await startListed(t);
    const track = await newTrack(world.database, await newUser(world.database));
    bury(world.dead, 'provider_gone', track);
    const drop = (SUPABASE_URL: string, { gateway }: Listed) =>
      world.run(['dlq', 'drop', '--archived', '--yes', '--json', '--stack', 'mine'], {
        SUPABASE_URL,
        SUPABASE_SECRET_KEY: gateway.keys.secret,
      });
    const elsewhere = await drop(other.gateway.url, other);
    assert.equal(elsewhere.code, 1);
    assert.match(reportOf(elsewhere).database.problem, /the stack serves http.*unset it/);
    assert.deepEqual(tracksIn(world.dead), [track]);
    const here = await drop(`${world.gateway.url}/`, world);
    assert.deepEqual([here.code, reportOf(here).database.problem], [0, null]);
  });
});
