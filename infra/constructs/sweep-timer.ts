import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { CfnSchedule, ScheduleExpression, ScheduleGroup } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import { allow } from './allow.ts';
import type { BundledFunction } from './bundled-function.ts';
import { SchedulerRole } from './scheduler-role.ts';

interface SweepTimerProps {
  sweep: BundledFunction;
  interval: Duration;
}

/**
 * Invokes the sweep by the clock. In a group of its own, under the sweep's name: the sweep rebuilds the
 * tracks' schedules and must not be lost with them.
 */
export class SweepTimer extends Construct {
  constructor(scope: Construct, id: string, { sweep, interval }: SweepTimerProps) {
    super(scope, id);
    const name = sweep.service;
    const group = new ScheduleGroup(this, 'Group', {
      scheduleGroupName: name,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new SchedulerRole(this, 'Role', {
      description: 'Assumed by EventBridge Scheduler to invoke the sweep',
      group,
    });
    allow(role, 'InvokeSweep', ['lambda:InvokeFunction'], [sweep.function.functionArn]);
    // Not Schedule with LambdaInvoke: its grant includes every version of the function.
    const schedule = new CfnSchedule(this, 'Schedule', {
      name,
      groupName: group.scheduleGroupName,
      description: 'Runs the sweep',
      scheduleExpression: ScheduleExpression.rate(interval).expressionString,
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: sweep.function.functionArn,
        roleArn: role.roleArn,
        input: '{}',
        retryPolicy: { maximumEventAgeInSeconds: interval.toSeconds() },
      },
    });
    // By its name alone CloudFormation does not see that the group comes first; the first run is at once.
    schedule.node.addDependency(group, role);
  }
}
