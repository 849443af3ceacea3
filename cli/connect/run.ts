import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { awsDefaults } from '../../adapters/aws.ts';
import { withDatabase } from '../../adapters/database/connection.ts';
import { readClocks, readDefaultPolicy } from '../../adapters/database/inventory.ts';
import { sendTestWebhook } from '../../adapters/database/test-webhook.ts';
import { readUnlistedHosts } from '../../adapters/database/unlisted-hosts.ts';
import { readWebhookSettings } from '../../adapters/database/vault.ts';
import { postUnsigned } from '../../adapters/endpoint.ts';
import { createSecretStore, type SecretStore } from '../../adapters/secret-store.ts';
import { readStackOutputs, type StackOutputs } from '../../adapters/stack-outputs.ts';
import { readQueue, readScheduleGroupState, readTimer } from '../../adapters/stack-state.ts';
import { type AwsView, awsChecks } from './aws-checks.ts';
import { type ConnectReport, connect, type Line } from './connect.ts';
import { databaseChecks } from './database-checks.ts';
import { type CheckResult, examine } from './doctor.ts';
import { hostCheck } from './host-check.ts';
import type { ConnectOptions } from './options.ts';
import { policyCheck } from './policy-check.ts';
import { requireSameProject } from './project.ts';
import { planSteps } from './steps.ts';
import { wayChecks } from './way-checks.ts';

/** Everything in AWS that connecting needs, as it is in this account and Region. */
export async function openAws(stack: string): Promise<AwsView> {
  const outputs = await readStackOutputs(new CloudFormationClient(awsDefaults), stack);
  const sqs = new SQSClient(awsDefaults);
  const scheduler = new SchedulerClient(awsDefaults);
  return {
    outputs,
    secrets: createSecretStore(new SecretsManagerClient(awsDefaults), outputs.SecretArn),
    readQueue: (url) => readQueue(sqs, url),
    readScheduleGroup: (name) => readScheduleGroupState(scheduler, name),
    readTimer: (name) => readTimer(scheduler, name),
  };
}

interface Opened {
  outputs: StackOutputs;
  secrets: SecretStore;
}

/** Does, or in a dry run lists, what is missing. */
export async function runConnect(
  options: ConnectOptions & { isDryRun: boolean },
  { outputs, secrets }: Opened,
  onLine: (line: Line) => void,
): Promise<ConnectReport> {
  requireSameProject(options.databaseUrl, options.supabaseUrl ?? outputs.SupabaseUrl);
  return withDatabase(options.databaseUrl, async (client) =>
    connect({
      steps: await planSteps({ options, outputs, secrets, client }),
      isDryRun: options.isDryRun,
      sendTestWebhook: () => sendTestWebhook(client),
      onLine,
    }),
  );
}

/** The doctor: checks everything and changes nothing. */
export async function runCheck(
  options: ConnectOptions,
  aws: AwsView,
  onResult: (result: CheckResult) => void,
): Promise<{ ok: boolean; results: CheckResult[] }> {
  const supabaseUrl = options.supabaseUrl ?? aws.outputs.SupabaseUrl;
  requireSameProject(options.databaseUrl, supabaseUrl);
  return withDatabase(options.databaseUrl, (client) => {
    const vault = () => readWebhookSettings(client);
    return examine(
      [
        ...databaseChecks(client),
        policyCheck(aws.outputs, () => readDefaultPolicy(client)),
        hostCheck((limit) => readUnlistedHosts(client, limit)),
        ...awsChecks(aws, { supabaseUrl, vault }),
        ...wayChecks({
          webhookUrl: options.webhookUrl ?? aws.outputs.WebhookUrl,
          archiveTracksUrl: options.archiveTracksUrl ?? aws.outputs.ArchiveTracksUrl,
          vault,
          postUnsigned,
          sendTestWebhook: () => sendTestWebhook(client),
          readClocks: () => readClocks(client),
          now: () => new Date(),
        }),
      ],
      onResult,
    );
  });
}
