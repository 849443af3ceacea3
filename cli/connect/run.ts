import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { awsDefaults } from '../../adapters/aws.ts';
import { withDatabase } from '../../adapters/database/connection.ts';
import { readClocks, readDefaultPolicy } from '../../adapters/database/inventory.ts';
import { pendingMigrations } from '../../adapters/database/migrations.ts';
import { collectNotices } from '../../adapters/database/notices.ts';
import { createReader } from '../../adapters/database/reader.ts';
import { sendTestWebhook } from '../../adapters/database/test-webhook.ts';
import { readUnlistedHosts } from '../../adapters/database/unlisted-hosts.ts';
import { readWebhookSettings } from '../../adapters/database/vault.ts';
import { postUnsigned } from '../../adapters/endpoint.ts';
import { createSecretStore, type SecretStore } from '../../adapters/secret-store.ts';
import { readStackOutputs, type StackOutputs } from '../../adapters/stack-outputs.ts';
import { readQueue, readScheduleGroupState, readTimer } from '../../adapters/stack-state.ts';
import type { PreflightResult } from '../preflight/check.ts';
import { doctorChecks } from '../preflight/doctor-checks.ts';
import { runPreflight } from '../preflight/run.ts';
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

interface Told {
  onLine: (line: Line) => void;
  /** Only what is not ok. */
  onPreflight: (result: PreflightResult) => void;
  note: (text: string) => void;
}

/** Looks at the app first; then does, or in a dry run lists, what is missing. */
export async function runConnect(
  options: ConnectOptions & { isDryRun: boolean; isForced: boolean },
  { outputs, secrets }: Opened,
  { onLine, onPreflight, note }: Told,
): Promise<ConnectReport & { preflight: PreflightResult[] }> {
  requireSameProject(options.databaseUrl, options.supabaseUrl ?? outputs.SupabaseUrl);
  return withDatabase(options.databaseUrl, async (client) => {
    const found = await runPreflight(createReader(client), {
      note,
      onResult: (result) => (result.level === 'ok' ? undefined : onPreflight(result)),
    });
    const preflight = found.checks.filter(({ level }) => level !== 'ok');
    // Where the migrations are applied, what is wrong is the doctor's to say and no reason not to connect.
    if (!found.ok && !options.isForced && (await pendingMigrations(client)).length > 0) {
      const title = 'look whether the app fits (npx track-archiver preflight)';
      const problems = preflight.filter(({ level }) => level === 'problem');
      const line: Line = {
        outcome: 'failed',
        title,
        detail: `${problems.map(({ summary }) => summary).join('; ')}. Nothing was changed; --force goes on all the same`,
      };
      onLine(line);
      return { ok: false, lines: [line], preflight };
    }
    const report = await connect({
      steps: await planSteps({ options, outputs, secrets, client }),
      isDryRun: options.isDryRun,
      sendTestWebhook: () => sendTestWebhook(client),
      takeNotices: collectNotices(client),
      onLine,
    });
    return { ...report, preflight };
  });
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
        ...doctorChecks(createReader(client)),
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
