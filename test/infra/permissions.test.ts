import assert from 'node:assert/strict';
import { test } from 'vitest';
import { readable, synthesize, withoutHash } from './synthesize.ts';

interface Statement {
  Sid?: string;
  Effect: string;
  Action: string | string[];
  Resource?: unknown;
  Principal?: unknown;
  Condition?: Record<string, unknown>;
}

const { resources } = synthesize();

function describe(statement: Statement): string {
  const { Sid, Effect, Action, Resource, Principal, Condition } = statement;
  return [
    `${Sid === undefined ? '' : `${Sid}: `}${Effect} ${[Action].flat().join(', ')}`,
    Resource === undefined ? '' : ` on ${readable(Resource)}`,
    Principal === undefined ? '' : ` to ${readable(Principal)}`,
    Condition === undefined ? '' : ` if ${readable(Condition)}`,
  ].join('');
}

const statementsOf = (document: unknown): string[] =>
  (document as { Statement: Statement[] }).Statement.map(describe);

const ofType = (type: string) => resources.filter((resource) => resource.Type === type);

test('each role may do exactly what this table says', () => {
  const table = Object.fromEntries(
    ofType('AWS::IAM::Policy').map(({ Properties }) => [
      readable(Properties.Roles),
      statementsOf(Properties.PolicyDocument),
    ]),
  );
  const keepSchedules = [
    'KeepSchedules: Allow scheduler:CreateSchedule, scheduler:UpdateSchedule, scheduler:GetSchedule, scheduler:DeleteSchedule on arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/track-archiver/track-*',
    'PassSchedulerRole: Allow iam:PassRole on <SchedulesRole.Arn> if StringEquals=iam:PassedToService=scheduler.amazonaws.com',
  ];
  assert.deepEqual(table, {
    '<SchedulesRole>': [
      'Deliver: Allow sqs:SendMessage on <QueuesArchive.Arn>, <QueuesScheduleDeadLetters.Arn>',
    ],
    '<EnqueueLambdaRole>': [
      'WriteLogs: Allow logs:CreateLogStream, logs:PutLogEvents on <EnqueueLambdaLogs.Arn>',
      'ReadSecret: Allow secretsmanager:GetSecretValue on <Secret>',
      ...keepSchedules,
      'SendDueTracks: Allow sqs:SendMessage on <QueuesArchive.Arn>',
    ],
    '<ArchiveLambdaRole>': [
      'WriteLogs: Allow logs:CreateLogStream, logs:PutLogEvents on <ArchiveLambdaLogs.Arn>',
      'ReadSecret: Allow secretsmanager:GetSecretValue on <Secret>',
      'ConsumeQueue: Allow sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes, sqs:ChangeMessageVisibility on <QueuesArchive.Arn>',
      'SendDeadLetters: Allow sqs:SendMessage on <QueuesDeadLetters.Arn>',
    ],
    '<ArchiveTracksLambdaRole>': [
      'WriteLogs: Allow logs:CreateLogStream, logs:PutLogEvents on <ArchiveTracksLambdaLogs.Arn>',
      'ReadSecret: Allow secretsmanager:GetSecretValue on <Secret>',
      'SendTracksAgain: Allow sqs:SendMessage on <QueuesArchive.Arn>',
      'SendDeadLetters: Allow sqs:SendMessage on <QueuesDeadLetters.Arn>',
    ],
    '<SweepLambdaRole>': [
      'WriteLogs: Allow logs:CreateLogStream, logs:PutLogEvents on <SweepLambdaLogs.Arn>',
      'ReadSecret: Allow secretsmanager:GetSecretValue on <Secret>',
      ...keepSchedules,
      'SendStalledTracks: Allow sqs:SendMessage, sqs:GetQueueAttributes on <QueuesArchive.Arn>',
      'SendDeadLetters: Allow sqs:SendMessage on <QueuesDeadLetters.Arn>',
      'RemoveSettledLetters: Allow sqs:GetQueueAttributes, sqs:ReceiveMessage, sqs:ChangeMessageVisibility, sqs:DeleteMessage, sqs:ListMessageMoveTasks on <QueuesDeadLetters.Arn>',
    ],
    '<SweepTimerRole>': ['InvokeSweep: Allow lambda:InvokeFunction on <SweepLambdaFunction.Arn>'],
  });
});

test('each role can be assumed by exactly one service, Scheduler only for our account and one group', () => {
  const table = Object.fromEntries(
    ofType('AWS::IAM::Role').map(({ id, Properties }) => [
      withoutHash(id),
      statementsOf(Properties.AssumeRolePolicyDocument),
    ]),
  );
  const lambda = ['Allow sts:AssumeRole to Service=lambda.amazonaws.com'];
  const scheduler = (group: string) => [
    `Allow sts:AssumeRole to Service=scheduler.amazonaws.com if StringEquals=aws:SourceAccount=<AWS::AccountId>, aws:SourceArn=<${group}.Arn>`,
  ];
  assert.deepEqual(table, {
    SchedulesRole: scheduler('SchedulesGroup'),
    EnqueueLambdaRole: lambda,
    ArchiveLambdaRole: lambda,
    ArchiveTracksLambdaRole: lambda,
    SweepLambdaRole: lambda,
    SweepTimerRole: scheduler('SweepTimerGroup'),
  });
});

test('no role has managed or inline policies beside the table', () => {
  for (const { id, Properties } of ofType('AWS::IAM::Role')) {
    assert.equal(Properties.ManagedPolicyArns, undefined, id);
    assert.equal(Properties.Policies, undefined, id);
  }
});

test('nobody is allowed a bare star, as action or as resource', () => {
  for (const { id, Properties } of ofType('AWS::IAM::Policy')) {
    const { Statement } = Properties.PolicyDocument as { Statement: Statement[] };
    for (const { Action, Resource } of Statement) {
      for (const action of [Action].flat()) assert.doesNotMatch(action, /\*/, id);
      for (const resource of [Resource].flat()) assert.notEqual(resource, '*', id);
    }
  }
});

test('queues and topic refuse what does not come over TLS, and only CloudWatch of this account publishes', () => {
  const refusal = (on: string) =>
    `Deny sqs:* on <${on}.Arn> to AWS=* if Bool=aws:SecureTransport=false`;
  const queues = ofType('AWS::SQS::QueuePolicy').map(({ Properties }) =>
    statementsOf(Properties.PolicyDocument),
  );
  assert.deepEqual(queues, [
    [refusal('QueuesDeadLetters')],
    [refusal('QueuesArchive')],
    [refusal('QueuesScheduleDeadLetters')],
  ]);
  const topics = ofType('AWS::SNS::TopicPolicy').map(({ Properties }) =>
    statementsOf(Properties.PolicyDocument),
  );
  assert.deepEqual(topics, [
    [
      'AllowPublishThroughSSLOnly: Deny sns:Publish on <AlarmTopic> to * if Bool=aws:SecureTransport=false',
      'AlarmsOfThisAccount: Allow sns:Publish on <AlarmTopic> to Service=cloudwatch.amazonaws.com if StringEquals=aws:SourceAccount=<AWS::AccountId>',
    ],
  ]);
});

test('the webhook and the manual endpoint alone are open to the internet, through their function URLs', () => {
  const open = (name: string) => [
    `Action=lambda:InvokeFunctionUrl, FunctionName=<${name}.Arn>, FunctionUrlAuthType=NONE, Principal=*`,
    `Action=lambda:InvokeFunction, FunctionName=<${name}.Arn>, InvokedViaFunctionUrl=true, Principal=*`,
  ];
  assert.deepEqual(
    ofType('AWS::Lambda::Permission').map(({ Properties }) => readable(Properties)),
    [...open('EnqueueLambdaFunction'), ...open('ArchiveTracksLambdaFunction')],
  );
});
