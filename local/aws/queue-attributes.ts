import { z } from 'zod';
import { AwsError } from './aws-error.ts';

const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most);

/** Attributes of a queue that can be set, with the ranges of the SQS API reference. Seconds and bytes. */
const settable = {
  VisibilityTimeout: whole(0, 43_200),
  DelaySeconds: whole(0, 900),
  ReceiveMessageWaitTimeSeconds: whole(0, 20),
  MessageRetentionPeriod: whole(60, 1_209_600),
  MaximumMessageSize: whole(1024, 1_048_576),
};

export interface QueueSettings extends Record<keyof typeof settable, number> {
  redrive?: { deadLetterTargetArn: string; maxReceiveCount: number };
}

export const defaultSettings: QueueSettings = {
  VisibilityTimeout: 30,
  DelaySeconds: 0,
  ReceiveMessageWaitTimeSeconds: 0,
  MessageRetentionPeriod: 345_600,
  MaximumMessageSize: 1_048_576,
};

/** Accepted and without effect here. */
const ignored = [
  'Policy',
  'SqsManagedSseEnabled',
  'KmsMasterKeyId',
  'KmsDataKeyReusePeriodSeconds',
  'RedriveAllowPolicy',
];

const RedrivePolicy = z.object({
  deadLetterTargetArn: z.string().startsWith('arn:aws:sqs:'),
  maxReceiveCount: whole(1, 1000),
});

function parse<Schema extends z.ZodType>(name: string, schema: Schema, value: unknown) {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new AwsError('InvalidAttributeValue', `Invalid value for the parameter ${name}.`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `settings` changed by SetQueueAttributes' or CreateQueue's `Attributes`; an empty RedrivePolicy removes it. */
export function changeSettings(
  settings: QueueSettings,
  attributes: Record<string, string>,
): QueueSettings {
  const changed = { ...settings };
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'RedrivePolicy') {
      delete changed.redrive;
      if (value !== '') changed.redrive = parse(name, RedrivePolicy, parseJson(value));
    } else if (name in settable) {
      const known = name as keyof typeof settable;
      changed[known] = parse(name, settable[known], value);
    } else if (!ignored.includes(name)) {
      throw new AwsError('InvalidAttributeName', `Unknown Attribute ${name}.`);
    }
  }
  return changed;
}

/** The settings in GetQueueAttributes' shape. */
export function describeSettings(settings: QueueSettings): Record<string, string> {
  const { redrive, ...numbers } = settings;
  const described = Object.fromEntries(
    Object.entries(numbers).map(([name, value]) => [name, String(value)]),
  );
  return redrive === undefined
    ? described
    : { ...described, RedrivePolicy: JSON.stringify(redrive) };
}
