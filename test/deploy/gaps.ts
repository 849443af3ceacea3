import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { StackOutputs } from '../../adapters/stack-outputs.ts';

/*
 * Everything in which a deployment to the emulator differs from one to AWS, as MiniStack 1.5.33 is.
 * Each goes away under the condition that stands with it.
 */

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

/**
 * The function URL in the outputs is AWS's form, whose host no DNS here knows: it answers at a path of
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
