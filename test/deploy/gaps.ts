import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { StackOutputs } from '../../adapters/stack-outputs.ts';
import { maxReceiveCount } from '../../core/timings.ts';

/*
 * Everything in which a deployment to the emulator differs from one to AWS, found with MiniStack 1.4.21.
 * Each goes away under the condition that stands with it.
 */

/**
 * What MiniStack is started with. NODE_OPTIONS: its Lambda runner loads bundles with require(), which
 * refuses a top-level await; goes away when it imports them. IoT and SFTP would open further ports.
 */
export const serverEnvironment = (port: number): Record<string, string> => ({
  GATEWAY_PORT: String(port),
  BIND_HOST: '127.0.0.1',
  IOT_MTLS_ENABLED: '0',
  SFTP_ENABLED: '0',
  NODE_OPTIONS: '--no-experimental-require-module',
});

/**
 * Alarms on metric math fail its CloudFormation: in the copy of `cdk.out` their first plain metric
 * stands in. Goes away when `Properties.Metrics` is supported; alarms are held by tests of the template.
 */
export function replaceMetricMath(cdkOut: string, stack: string): string[] {
  const file = join(cdkOut, `${stack}.template.json`);
  const template: Template = JSON.parse(readFileSync(file, 'utf8'));
  const replaced: string[] = [];
  for (const [id, { Type, Properties }] of Object.entries(template.Resources)) {
    const { Metrics, ...rest } = Properties ?? {};
    if (Type !== 'AWS::CloudWatch::Alarm' || !Array.isArray(Metrics)) continue;
    const plain = Metrics.find((each) => each.MetricStat !== undefined)?.MetricStat;
    const { Namespace, MetricName, Dimensions } = plain.Metric;
    const metric = { Namespace, MetricName, Dimensions, Statistic: plain.Stat };
    template.Resources[id] = { Type, Properties: { ...rest, ...metric, Period: plain.Period } };
    replaced.push(id);
  }
  writeFileSync(file, JSON.stringify(template));
  return replaced;
}

interface Template {
  Resources: Record<string, { Type: string; Properties?: Record<string, unknown> }>;
}

/** CloudFormation drops RedrivePolicy: set where it is missing. Goes away when it is not. */
export async function ensureRedrive(sqs: SQSClient, outputs: StackOutputs): Promise<boolean> {
  const attributes = async (url: string) =>
    (await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] })))
      .Attributes ?? {};
  const archive = await attributes(outputs.ArchiveQueueUrl);
  if (archive.RedrivePolicy) return false;
  const { QueueArn: deadLetterTargetArn } = await attributes(outputs.DeadLetterQueueUrl);
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount });
  await sqs.send(
    new SetQueueAttributesCommand({
      QueueUrl: outputs.ArchiveQueueUrl,
      Attributes: { RedrivePolicy },
    }),
  );
  return true;
}

/**
 * The function URL in the outputs is AWS's form, whose host no DNS here knows: it responds at a path of
 * the endpoint. Goes away when the output resolves (LocalStack's `*.localhost.localstack.cloud` does).
 */
export function reachableUrl(endpoint: string, functionUrl: string): string {
  const [, id] = /^https:\/\/([^.]+)\.lambda-url\.[^.]+\.on\.aws\/?$/.exec(functionUrl) ?? [];
  return id === undefined ? functionUrl : `${endpoint}/_aws/lambda-url/${id}/`;
}

/** There is no StartMessageMoveTask: the messages are moved by hand. Goes away when there is. */
export async function redriveByHand(sqs: SQSClient, outputs: StackOutputs): Promise<number> {
  let moved = 0;
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: outputs.DeadLetterQueueUrl,
        MaxNumberOfMessages: 10,
        MessageAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) return moved;
    for (const { Body, MessageAttributes, ReceiptHandle } of Messages) {
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: outputs.ArchiveQueueUrl,
          MessageBody: Body,
          ...(MessageAttributes === undefined ? {} : { MessageAttributes }),
        }),
      );
      await sqs.send(
        new DeleteMessageCommand({ QueueUrl: outputs.DeadLetterQueueUrl, ReceiptHandle }),
      );
      moved += 1;
    }
  }
}
