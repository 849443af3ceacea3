import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { AwsError, account, notFound, parse, region } from './aws-error.ts';
import type { FindQueue } from './queue.ts';

const Name = z.string().regex(/^[0-9a-zA-Z\-_.]{1,64}$/);
const queueArn = z.string().startsWith('arn:aws:sqs:', 'only SQS queues are targets here');
const whole = (least: number, most: number) => z.number().int().min(least).max(most);

/** What CreateSchedule and UpdateSchedule take, of what the EventBridge Scheduler API reference lists. */
const ScheduleRequest = z.strictObject({
  Name,
  GroupName: z.string().default('default'),
  /** rate() and cron() are not imitated. */
  ScheduleExpression: z.string().regex(/^at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)$/),
  ScheduleExpressionTimezone: z.literal('UTC').default('UTC'),
  FlexibleTimeWindow: z.discriminatedUnion('Mode', [
    z.strictObject({ Mode: z.literal('OFF') }),
    z.strictObject({ Mode: z.literal('FLEXIBLE'), MaximumWindowInMinutes: whole(1, 1440) }),
  ]),
  ActionAfterCompletion: z.literal('DELETE'),
  Target: z.strictObject({
    Arn: queueArn,
    RoleArn: z.string().startsWith('arn:aws:iam::'),
    Input: z.string().min(1),
    RetryPolicy: z
      .strictObject({
        MaximumEventAgeInSeconds: whole(60, 86_400).optional(),
        MaximumRetryAttempts: whole(0, 185).optional(),
      })
      .optional(),
    DeadLetterConfig: z.strictObject({ Arn: queueArn }).optional(),
  }),
  /** The SDK makes one up for every command, and repeats it where it tries again. */
  ClientToken: z.string().max(64),
});

const ListRequest = z.strictObject({
  ScheduleGroup: z.string().optional(),
  NamePrefix: z.string().default(''),
  NextToken: z.string().default(''),
  MaxResults: z.coerce.number().int().min(1).max(100).default(100),
});

type Request = z.infer<typeof ScheduleRequest>;

interface Schedule {
  arn: string;
  request: Request;
  createdAt: number;
  cancel: () => void;
}

const conflict = (what: string) =>
  new AwsError('ConflictException', `${what} already exists.`, 409);

/**
 * EventBridge Scheduler for one-time schedules that send to SQS and then delete themselves. Fires at the start of the flexible
 * window. A delivery that fails goes to the target's dead-letter queue at once, without the retries.
 * at() in the past is refused (unverified at AWS; the product sends such work straight to the queue).
 */
export function createScheduler(clock: Clock, queueOf: FindQueue) {
  /** When each was made, in milliseconds. */
  const groups = new Map([['default', clock.now()]]);
  /** By `group/name`. */
  const schedules = new Map<string, Schedule>();

  function find(key: string): Schedule {
    const schedule = schedules.get(key);
    if (schedule === undefined) throw notFound(`Schedule ${key}`);
    return schedule;
  }

  function createGroup(name: string) {
    if (groups.has(name)) throw conflict(`Schedule group ${name}`);
    groups.set(name, clock.now());
    return { ScheduleGroupArn: `arn:aws:scheduler:${region}:${account}:schedule-group/${name}` };
  }

  function getGroup(name: string) {
    const createdAt = groups.get(name);
    if (createdAt === undefined) throw notFound(`Schedule group ${name}`);
    return { Name: name, State: 'ACTIVE', CreationDate: createdAt / 1000 };
  }

  function create(request: Request) {
    const existing = schedules.get(keyOf(request));
    if (existing === undefined) return put(request, clock.now());
    if (existing.request.ClientToken === request.ClientToken) return { ScheduleArn: existing.arn };
    throw conflict(`Schedule ${keyOf(request)}`);
  }

  /** Replaces everything, as AWS does: what is left out goes back to its default. */
  function update(request: Request) {
    const existing = find(keyOf(request));
    const result = put(request, existing.createdAt);
    existing.cancel();
    return result;
  }

  function put(request: Request, createdAt: number) {
    const { GroupName, ScheduleExpression } = request;
    if (!groups.has(GroupName)) throw notFound(`Schedule group ${GroupName}`);
    const due = Date.parse(`${ScheduleExpression.slice('at('.length, -1)}Z`);
    // What is no time is NaN.
    if (!(due >= clock.now())) {
      throw new AwsError('ValidationException', `Invalid expression ${ScheduleExpression}.`);
    }
    const arn = `arn:aws:scheduler:${region}:${account}:schedule/${keyOf(request)}`;
    const cancel = clock.at(due, () => fire(request, arn, due));
    schedules.set(keyOf(request), { arn, request, createdAt, cancel });
    return { ScheduleArn: arn };
  }

  function fire(request: Request, arn: string, due: number): void {
    const { Target } = request;
    schedules.delete(keyOf(request));
    const target = queueOf(Target.Arn);
    if (target !== undefined) {
      target.send(Target.Input);
      return;
    }
    const reason = {
      ERROR_CODE: 'AWS.SimpleQueueService.NonExistentQueue',
      ERROR_MESSAGE: 'The specified queue does not exist.',
      SCHEDULED_TIME: new Date(due).toISOString().replace('.000Z', 'Z'),
      SCHEDULE_ARN: arn,
      TARGET_ARN: Target.Arn,
    };
    const attributes = Object.entries(reason).map(([name, StringValue]) => [
      name,
      { DataType: 'String', StringValue },
    ]);
    queueOf(Target.DeadLetterConfig?.Arn)?.send(Target.Input, Object.fromEntries(attributes));
  }

  /** Sorted by group and name; the token is the last of the page before. */
  function list({ ScheduleGroup, NamePrefix, NextToken, MaxResults }: z.infer<typeof ListRequest>) {
    if (ScheduleGroup !== undefined && !groups.has(ScheduleGroup)) {
      throw notFound(`Schedule group ${ScheduleGroup}`);
    }
    const found = [...schedules]
      .filter(([key, { request }]) => key > NextToken && request.Name.startsWith(NamePrefix))
      .filter(([, { request }]) => request.GroupName === (ScheduleGroup ?? request.GroupName))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const page = found.slice(0, MaxResults);
    const more = found.length > MaxResults;
    return {
      Schedules: page.map(([, schedule]) => describe(schedule)),
      ...(more && { NextToken: page.at(-1)?.[0] }),
    };
  }

  return {
    /** Handles one REST request. */
    call(method: string | undefined, path: string, body: object): object {
      const { pathname, searchParams } = new URL(path, 'http://local');
      const [, kind, name = ''] = pathname.split('/');
      const key = `${searchParams.get('groupName') ?? 'default'}/${name}`;
      const request = () => parse(ScheduleRequest, { ...body, Name: name });
      switch (`${method} ${kind}${name === '' ? '' : '/name'}`) {
        case 'POST schedule-groups/name':
          return createGroup(parse(Name, name));
        case 'GET schedule-groups/name':
          return getGroup(name);
        case 'POST schedules/name':
          return create(request());
        case 'PUT schedules/name':
          return update(request());
        case 'GET schedules/name':
          return { ...describe(find(key)), ...find(key).request };
        case 'DELETE schedules/name':
          find(key).cancel();
          schedules.delete(key);
          return {};
        case 'GET schedules':
          return list(parse(ListRequest, Object.fromEntries(searchParams)));
        default:
          throw new AwsError('UnknownOperationException', 'No such operation here.', 404);
      }
    },
    /** Loses schedules and groups. */
    wipe() {
      for (const schedule of schedules.values()) schedule.cancel();
      schedules.clear();
      groups.clear();
      groups.set('default', clock.now());
    },
  };
}

const keyOf = ({ GroupName, Name }: Request): string => `${GroupName}/${Name}`;

/** In ListSchedules' shape; GetSchedule adds the request. */
const describe = ({ arn, request: { Name, GroupName, Target }, createdAt }: Schedule) => ({
  Arn: arn,
  Name,
  GroupName,
  State: 'ENABLED',
  Target: { Arn: Target.Arn },
  CreationDate: createdAt / 1000,
});
