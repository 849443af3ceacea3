import { Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { ScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import type { Construct } from 'constructs';

export const schedulerService = 'scheduler.amazonaws.com';

/** A role that EventBridge Scheduler assumes for the schedules of one group of this account, and for no other. */
export class SchedulerRole extends Role {
  constructor(scope: Construct, id: string, props: { description: string; group: ScheduleGroup }) {
    super(scope, id, {
      description: props.description,
      assumedBy: new ServicePrincipal(schedulerService, {
        conditions: {
          StringEquals: {
            'aws:SourceAccount': Stack.of(scope).account,
            'aws:SourceArn': props.group.scheduleGroupArn,
          },
        },
      }),
    });
  }
}
