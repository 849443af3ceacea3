import { RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import type { IGrantable, Role } from 'aws-cdk-lib/aws-iam';
import { ScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import { scheduleName } from '../../core/schedule.ts';
import { allow } from './allow.ts';
import type { Queues } from './queues.ts';
import { SchedulerRole, schedulerService } from './scheduler-role.ts';

/** The group that holds one schedule a waiting track, and the role that Scheduler assumes to deliver. */
export class Schedules extends Construct {
  readonly group: ScheduleGroup;
  readonly role: Role;
  readonly #name: string;

  constructor(scope: Construct, id: string, props: { name: string; queues: Queues }) {
    super(scope, id);
    this.#name = props.name;
    // Removed with the stack, and its schedules with it: the database is the record, and a schedule
    // that outlived its role and its queue could do nothing but fail.
    this.group = new ScheduleGroup(this, 'Group', {
      scheduleGroupName: props.name,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new SchedulerRole(this, 'Role', {
      description: 'Assumed by EventBridge Scheduler to send due tracks to the archive queue',
      group: this.group,
    });
    const { archive, scheduleDeadLetters } = props.queues;
    allow(
      this.role,
      'Deliver',
      ['sqs:SendMessage'],
      [archive.queueArn, scheduleDeadLetters.queueArn],
    );
  }

  /** Lets `manager` keep the schedules of tracks, with this role and no other. */
  grantManage(manager: IGrantable & Construct): void {
    const ofTracks = `schedule/${this.#name}/${scheduleName('*')}`;
    const { partition, region, account } = Stack.of(this);
    allow(
      manager,
      'KeepSchedules',
      [
        'scheduler:CreateSchedule',
        'scheduler:UpdateSchedule',
        'scheduler:GetSchedule',
        'scheduler:DeleteSchedule',
      ],
      [`arn:${partition}:scheduler:${region}:${account}:${ofTracks}`],
    );
    allow(manager, 'PassSchedulerRole', ['iam:PassRole'], [this.role.roleArn], {
      StringEquals: { 'iam:PassedToService': schedulerService },
    });
    Validations.of(manager).acknowledge({
      id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:${ofTracks}]`,
      reason: 'One schedule a track, named after it: the names are not known beforehand.',
    });
  }
}
