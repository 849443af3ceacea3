import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { AwsError, account, region } from './aws-error.ts';
import type { Queue } from './queue.ts';
import {
  parseAt,
  parseName,
  parseScheduleRequest,
  type ScheduleRequest,
  validation,
} from './schedule-request.ts';

interface Schedule {
  name: string;
  arn: string;
  request: ScheduleRequest;
  due: number;
  createdAt: number;
  changedAt: number;
  cancel: () => void;
}

interface Group {
  arn: string;
  createdAt: number;
  schedules: Map<string, Schedule>;
}

const notFound = (what: string, name: string) =>
  new AwsError('ResourceNotFoundException', `${what} ${name} does not exist.`, 404);
const conflict = (what: string, name: string) =>
  new AwsError('ConflictException', `${what} ${name} already exists.`, 409);

/**
 * EventBridge Scheduler for one-time schedules that send to SQS. Fires at the start of the flexible
 * window. A delivery that fails goes to the target's dead-letter queue at once, without the retries.
 * at() in the past is refused (unverified at AWS; the product sends such work straight to the queue).
 */
export class Scheduler {
  readonly #clock: Clock;
  readonly #queue: (arn: string) => Queue | undefined;
  readonly #groups = new Map<string, Group>();

  constructor(clock: Clock, queue: (arn: string) => Queue | undefined) {
    this.#clock = clock;
    this.#queue = queue;
    this.createGroup('default');
  }

  createGroup(name: string) {
    if (this.#groups.has(parseName(name))) throw conflict('Schedule group', name);
    const arn = `arn:aws:scheduler:${region}:${account}:schedule-group/${name}`;
    this.#groups.set(name, { arn, createdAt: this.#clock.now(), schedules: new Map() });
    return { ScheduleGroupArn: arn };
  }

  getGroup(name: string) {
    const { arn, createdAt } = this.#group(name);
    return { Arn: arn, Name: name, State: 'ACTIVE', CreationDate: createdAt / 1000 };
  }

  listGroups(prefix: string) {
    const names = [...this.#groups.keys()].filter((name) => name.startsWith(prefix)).sort();
    return { ScheduleGroups: names.map((name) => this.getGroup(name)) };
  }

  /** The group's schedules go with it. */
  deleteGroup(name: string) {
    if (name === 'default') throw validation('The default schedule group cannot be deleted.');
    for (const schedule of this.#group(name).schedules.values()) schedule.cancel();
    this.#groups.delete(name);
    return {};
  }

  create(name: string, body: unknown) {
    const request = parseScheduleRequest(body);
    const { schedules } = this.#group(request.GroupName);
    const existing = schedules.get(parseName(name));
    if (existing !== undefined) {
      const { ClientToken } = request;
      if (ClientToken === undefined || existing.request.ClientToken !== ClientToken) {
        throw conflict('Schedule', name);
      }
      return { ScheduleArn: existing.arn };
    }
    return this.#put(name, request, this.#clock.now());
  }

  /** Replaces everything, as AWS does: what is left out goes back to its default. */
  update(name: string, body: unknown) {
    const request = parseScheduleRequest(body);
    const existing = this.#schedule(request.GroupName, name);
    const result = this.#put(name, request, existing.createdAt);
    existing.cancel();
    return result;
  }

  get(group: string, name: string) {
    const { arn, request, createdAt, changedAt } = this.#schedule(group, name);
    const { ClientToken: _, ...settings } = request;
    const times = { CreationDate: createdAt / 1000, LastModificationDate: changedAt / 1000 };
    return { Arn: arn, Name: name, ...settings, ...times };
  }

  delete(group: string, name: string) {
    this.#schedule(group, name).cancel();
    this.#group(group).schedules.delete(name);
    return {};
  }

  /** Sorted by group and name; the token is the last name of the page before. */
  list(options: {
    group: string | undefined;
    prefix: string | undefined;
    token: string | undefined;
    max: number;
  }) {
    const groups = options.group === undefined ? [...this.#groups.keys()] : [options.group];
    const { max } = options;
    const all = groups
      .flatMap((group) => [...this.#group(group).schedules.values()])
      .filter((schedule) => schedule.name.startsWith(options.prefix ?? ''))
      .map((schedule) => ({ key: `${schedule.request.GroupName}/${schedule.name}`, schedule }))
      .filter(({ key }) => options.token === undefined || key > options.token)
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const page = all.slice(0, max);
    return {
      Schedules: page.map(({ schedule: { name, arn, request, createdAt, changedAt } }) => ({
        Arn: arn,
        Name: name,
        GroupName: request.GroupName,
        State: request.State,
        Target: { Arn: request.Target.Arn },
        CreationDate: createdAt / 1000,
        LastModificationDate: changedAt / 1000,
      })),
      NextToken: all.length > max ? page.at(-1)?.key : undefined,
    };
  }

  wipe(): void {
    for (const { schedules } of this.#groups.values()) {
      for (const schedule of schedules.values()) schedule.cancel();
    }
    this.#groups.clear();
    this.createGroup('default');
  }

  #group(name: string): Group {
    const group = this.#groups.get(name);
    if (group === undefined) throw notFound('Schedule group', name);
    return group;
  }

  #schedule(group: string, name: string): Schedule {
    const schedule = this.#group(group).schedules.get(name);
    if (schedule === undefined) throw notFound('Schedule', name);
    return schedule;
  }

  #put(name: string, request: ScheduleRequest, createdAt: number) {
    const now = this.#clock.now();
    const due = parseAt(request.ScheduleExpression);
    if (due < now) throw validation(`Invalid Schedule Expression ${request.ScheduleExpression}.`);
    const arn = `arn:aws:scheduler:${region}:${account}:schedule/${request.GroupName}/${name}`;
    const schedule: Schedule = {
      name,
      arn,
      request,
      due,
      createdAt,
      changedAt: now,
      cancel: () => {},
    };
    if (request.State === 'ENABLED') {
      schedule.cancel = this.#clock.at(due, () => this.#fire(schedule));
    }
    this.#group(request.GroupName).schedules.set(name, schedule);
    return { ScheduleArn: arn };
  }

  #fire({ name, arn, request, due }: Schedule): void {
    const { Target, GroupName, ActionAfterCompletion } = request;
    if (ActionAfterCompletion === 'DELETE') this.#group(GroupName).schedules.delete(name);
    const target = this.#queue(Target.Arn);
    if (target !== undefined) {
      target.send(Target.Input);
      return;
    }
    const attributes = {
      ERROR_CODE: 'AWS.SimpleQueueService.NonExistentQueue',
      ERROR_MESSAGE: 'The specified queue does not exist.',
      EXECUTION_ID: randomUUID(),
      EXHAUSTED_RETRY_CONDITION: 'MaximumRetryAttempts',
      RETRY_ATTEMPTS: String(Target.RetryPolicy?.MaximumRetryAttempts ?? 185),
      SCHEDULED_TIME: new Date(due).toISOString().replace('.000Z', 'Z'),
      SCHEDULE_ARN: arn,
      TARGET_ARN: Target.Arn,
    };
    const entries = Object.entries(attributes).map(([key, value]) => [
      key,
      { DataType: 'String', StringValue: value },
    ]);
    this.#queue(Target.DeadLetterConfig?.Arn ?? '')?.send(Target.Input, {
      attributes: Object.fromEntries(entries),
    });
  }
}
