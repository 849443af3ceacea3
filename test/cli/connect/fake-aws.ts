import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json as readJson, text as readText } from 'node:stream/consumers';
import type { RawWebhook } from '../../../lambdas/enqueue/verify.ts';
import { isAuthentic } from '../../../lambdas/enqueue/verify.ts';
import type { Cleanup } from '../../support/cleanup.ts';

/** A deployed stack, as far as `npm run connect` sees it; tests change it as they like. */
export interface FakeAws {
  url: string;
  webhookUrl: string;
  /** The secret's text; undefined: it has no value. */
  secret: string | undefined;
  outputs: Record<string, string>;
  status: string;
  scheduleGroupState: string | undefined;
  redrive: string | undefined;
  /** Of the sweep's timer; undefined: there is none. */
  timer: { State: string; target: string } | undefined;
  /** Answered to archive-tracks without a key. */
  archiveTracksStatus: number;
  /** Answered to authentic webhooks. */
  webhookStatus: number;
  webhookAnswer: object;
  acceptsEverything: boolean;
  /** Seconds by which the clock of the endpoint is wrong. */
  clockSkew: number;
  webhooks: RawWebhook[];
}

const arn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;

const sweep = 'track-archiver-sweep';

/** Speaks the wire protocols of CloudFormation, Secrets Manager, SQS and Scheduler, and is the function URL. */
export async function startFakeAws(t: Cleanup, supabaseUrl: string): Promise<FakeAws> {
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const target = String(request.headers['x-amz-target'] ?? '');
    if (request.url === '/webhook') {
      response.setHeader('date', new Date(Date.now() + fake.clockSkew * 1000).toUTCString());
      const headers = request.headers as RawWebhook['headers'];
      const webhook = { headers, body: await readText(request) };
      fake.webhooks.push(webhook);
      const secrets = JSON.parse(fake.secret ?? '{"webhookSecrets":[]}').webhookSecrets;
      const accepted = fake.acceptsEverything || isAuthentic(webhook, secrets, new Date());
      answer(accepted ? fake.webhookStatus : 401, accepted ? fake.webhookAnswer : {});
    } else if (request.url === '/archive-tracks') {
      answer(fake.archiveTracksStatus, { success: false });
    } else if (target === 'secretsmanager.GetSecretValue') {
      if (fake.secret === undefined) answer(400, { __type: 'ResourceNotFoundException' });
      else answer(200, { SecretString: fake.secret });
    } else if (target === 'secretsmanager.PutSecretValue') {
      fake.secret = ((await readJson(request)) as { SecretString: string }).SecretString;
      answer(200, {});
    } else if (target === 'AmazonSQS.GetQueueAttributes') {
      const { QueueUrl } = (await readJson(request)) as { QueueUrl: string };
      const name = QueueUrl.split('/').at(-1) ?? '';
      const redrive = name === 'archive' && fake.redrive !== undefined;
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: fake.redrive });
      answer(200, { Attributes: { QueueArn: arn(name), ...(redrive ? { RedrivePolicy } : {}) } });
    } else if (request.url?.startsWith('/schedule-groups/')) {
      if (fake.scheduleGroupState !== undefined) answer(200, { State: fake.scheduleGroupState });
      else response.writeHead(404, { 'x-amzn-errortype': 'ResourceNotFoundException' }).end('{}');
    } else if (request.url === `/schedules/${sweep}?groupName=${sweep}`) {
      const { State, target = '' } = fake.timer ?? {};
      const Arn = `arn:aws:lambda:us-east-1:000000000000:function:${target}`;
      if (State !== undefined) {
        answer(200, {
          State,
          ScheduleExpression: 'rate(1 hour)',
          Target: { Arn, RoleArn: arn('') },
        });
      } else response.writeHead(404, { 'x-amzn-errortype': 'ResourceNotFoundException' }).end('{}');
    } else {
      const name = new URLSearchParams(await readText(request)).get('StackName');
      const [status, xml] = describeStacks(fake, name === 'track-archiver');
      response.writeHead(status, { 'content-type': 'text/xml' }).end(xml);
    }
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.onTestFinished(() => {
    server.closeAllConnections();
    return new Promise((closed) => server.close(closed));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fake: FakeAws = {
    url,
    webhookUrl: `${url}/webhook`,
    secret: undefined,
    status: 'CREATE_COMPLETE',
    scheduleGroupState: 'ACTIVE',
    redrive: arn('dead'),
    timer: { State: 'ENABLED', target: sweep },
    archiveTracksStatus: 401,
    webhookStatus: 200,
    webhookAnswer: { action: 'cancelled' },
    acceptsEverything: false,
    clockSkew: 0,
    webhooks: [],
    outputs: {
      WebhookUrl: `${url}/webhook`,
      SupabaseUrl: supabaseUrl,
      SecretArn: 'arn:aws:secretsmanager:us-east-1:000000000000:secret:one',
      ArchiveQueueUrl: `${url}/000000000000/archive`,
      DeadLetterQueueUrl: `${url}/000000000000/dead`,
      ScheduleDeadLetterQueueUrl: `${url}/000000000000/schedule-dead`,
      ScheduleGroup: 'track-archiver',
      ArchiveTracksUrl: `${url}/archive-tracks`,
      SweepFunctionName: sweep,
      DefaultRetentionDays: '15',
      DefaultArchiveAfterDays: '13',
    },
  };
  return fake;
}

function describeStacks({ outputs, status }: FakeAws, isKnown: boolean): [number, string] {
  if (!isKnown) {
    const error = '<Code>ValidationError</Code><Message>Stack with id x does not exist</Message>';
    return [400, `<ErrorResponse><Error>${error}</Error></ErrorResponse>`];
  }
  const members = Object.entries(outputs).map(
    ([key, value]) =>
      `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
  );
  return [
    200,
    `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>x</StackName>
     <CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>${status}</StackStatus>
     <Outputs>${members.join('')}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
  ];
}
