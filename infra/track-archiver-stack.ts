import { Stack, Tags } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Config } from './config.ts';
import { AlarmTopic } from './constructs/alarm-topic.ts';
import { ArchiveTracksEndpoint } from './constructs/archive-tracks-endpoint.ts';
import { ArchiveWorker } from './constructs/archive-worker.ts';
import { Dashboard } from './constructs/dashboard.ts';
import { EnqueueEndpoint } from './constructs/enqueue-endpoint.ts';
import { HealthAlarms } from './constructs/health-alarms.ts';
import { LossAlarms } from './constructs/loss-alarms.ts';
import { addOutputs } from './constructs/outputs.ts';
import { Queues } from './constructs/queues.ts';
import { Schedules } from './constructs/schedules.ts';
import { SecretStore } from './constructs/secret-store.ts';
import { Sweep } from './constructs/sweep.ts';

export interface TrackArchiverProps {
  config: Config;
  /** Folder with the prebuilt bundles, `<lambda>/index.mjs`. */
  bundles: string;
}

/** The whole system in AWS, in the order of a track's way through it. */
export class TrackArchiverStack extends Stack {
  constructor(scope: Construct, id: string, { config, bundles }: TrackArchiverProps) {
    super(scope, id, {
      stackName: config.name,
      description: 'Saves AI-generated tracks from provider expiry (track-archiver)',
    });
    const secret = new SecretStore(this, 'Secret', { owner: config.name });
    const queues = new Queues(this, 'Queues');
    const schedules = new Schedules(this, 'Schedules', { name: config.name, queues });
    const shared = { config, bundles, secret, queues, schedules };
    const enqueue = new EnqueueEndpoint(this, 'Enqueue', shared);
    const archive = new ArchiveWorker(this, 'Archive', shared);
    const archiveTracks = new ArchiveTracksEndpoint(this, 'ArchiveTracks', shared);
    const sweep = new Sweep(this, 'Sweep', shared);
    const { topic } = new AlarmTopic(this, 'AlarmTopic', config);
    const watched = { config, topic, queues };
    const loss = new LossAlarms(this, 'Loss', { ...watched, schedules });
    const health = new HealthAlarms(this, 'Health', {
      ...watched,
      enqueue: enqueue.lambda,
      archive: archive.lambda,
      archiveTracks: archiveTracks.lambda,
      sweep: sweep.lambda,
    });
    const alarms = [...loss.alarms, ...health.alarms];
    new Dashboard(this, 'Dashboard', { config, alarms, queues, archive: archive.lambda });
    addOutputs(this, {
      WebhookUrl: { value: enqueue.url, description: 'Where the database posts its webhooks' },
      ArchiveTracksUrl: {
        value: archiveTracks.url,
        description: 'Archives tracks on request, with the key of the service',
      },
      SupabaseUrl: { value: config.supabaseUrl, description: 'The project that this stack serves' },
      SecretArn: { value: secret.arn, description: 'Supabase URL and key, webhook secrets' },
      ArchiveQueueUrl: { value: queues.archive.queueUrl, description: 'Tracks to archive now' },
      DeadLetterQueueUrl: {
        value: queues.deadLetters.queueUrl,
        description: 'Tracks that could not be archived',
      },
      ScheduleDeadLetterQueueUrl: {
        value: queues.scheduleDeadLetters.queueUrl,
        description: 'Due tracks that EventBridge Scheduler could not deliver',
      },
      ScheduleGroup: {
        value: schedules.group.scheduleGroupName,
        description: 'One schedule a waiting track',
      },
      SweepFunctionName: {
        value: sweep.lambda.function.functionName,
        description: 'Finds stalled tracks; its timer has the same name',
      },
      AlarmTopicArn: { value: topic.topicArn, description: 'Subscribe here to hear of alarms' },
      DefaultRetentionDays: {
        value: String(config.retentionDays),
        description: 'Of the default policy: days until a provider deletes its files',
      },
      DefaultArchiveAfterDays: {
        value: String(config.archiveAfterDays),
        description: 'Of the default policy: days until a track is archived',
      },
    });
    // CloudFormation's own schema has no tags for dashboards.
    Tags.of(this).add('project', config.name, {
      excludeResourceTypes: ['AWS::CloudWatch::Dashboard'],
    });
  }
}
