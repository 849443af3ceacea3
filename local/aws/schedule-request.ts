import { z } from 'zod';
import { AwsError } from './aws-error.ts';

const sqsArn = z.string().startsWith('arn:aws:sqs:', 'only SQS queues are targets here');

/** What CreateSchedule and UpdateSchedule take, by the EventBridge Scheduler API reference. */
export const ScheduleRequest = z.object({
  GroupName: z.string().default('default'),
  ScheduleExpression: z.string(),
  ScheduleExpressionTimezone: z.literal('UTC').default('UTC'),
  FlexibleTimeWindow: z.discriminatedUnion('Mode', [
    z.strictObject({ Mode: z.literal('OFF') }),
    z.object({
      Mode: z.literal('FLEXIBLE'),
      MaximumWindowInMinutes: z.number().int().min(1).max(1440),
    }),
  ]),
  ActionAfterCompletion: z.enum(['NONE', 'DELETE']).default('NONE'),
  State: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
  Description: z.string().max(512).optional(),
  Target: z.object({
    Arn: sqsArn,
    RoleArn: z.string().startsWith('arn:aws:iam::'),
    Input: z.string().min(1),
    RetryPolicy: z
      .object({
        MaximumEventAgeInSeconds: z.number().int().min(60).max(86_400).optional(),
        MaximumRetryAttempts: z.number().int().min(0).max(185).optional(),
      })
      .optional(),
    DeadLetterConfig: z.object({ Arn: sqsArn }).optional(),
  }),
  ClientToken: z.string().max(64).optional(),
});
export type ScheduleRequest = z.infer<typeof ScheduleRequest>;

export const validation = (message: string): AwsError =>
  new AwsError('ValidationException', message);

/** A schedule's or group's name, or a ValidationException. */
export function parseName(name: string): string {
  if (/^[0-9a-zA-Z\-_.]{1,64}$/.test(name)) return name;
  throw validation(
    `1 validation error detected: Value '${name}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$`,
  );
}

export function parseScheduleRequest(body: unknown): ScheduleRequest {
  const parsed = ScheduleRequest.safeParse(body);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw validation(`${problems.length} validation error detected: ${problems.join('; ')}`);
}

/** The time, in milliseconds, of a one-time expression; rate() and cron() are not imitated. */
export function parseAt(expression: string): number {
  const [, text] = /^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$/.exec(expression) ?? [];
  const time = text === undefined ? Number.NaN : Date.parse(`${text}Z`);
  if (!Number.isNaN(time)) return time;
  throw validation(`Invalid Schedule Expression ${expression}.`);
}
