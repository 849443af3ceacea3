import type { WebhookSettings } from '../../adapters/database/vault.ts';
import type { SecretStore } from '../../adapters/secret-store.ts';
import { parseSecret } from '../../adapters/secrets.ts';
import type { StackOutputs } from '../../adapters/stack-outputs.ts';
import type { QueueState, TimerState } from '../../adapters/stack-state.ts';
import type { Check } from './doctor.ts';

export interface AwsView {
  outputs: StackOutputs;
  secrets: SecretStore;
  readQueue: (url: string) => Promise<QueueState>;
  readScheduleGroup: (name: string) => Promise<string>;
  readTimer: (name: string) => Promise<TimerState | undefined>;
}

const deployAgain = 'deploy the stack again: npm run deploy';

/** What must be right in AWS, and between the secret there and Vault. */
export function awsChecks(
  { outputs, secrets, readQueue, readScheduleGroup, readTimer }: AwsView,
  wanted: { supabaseUrl: string; vault: () => Promise<WebhookSettings> },
): Check[] {
  return [
    {
      name: 'queues are there',
      fix: deployAgain,
      async run() {
        const archive = await readQueue(outputs.ArchiveQueueUrl);
        const deadLetters = await readQueue(outputs.DeadLetterQueueUrl);
        await readQueue(outputs.ScheduleDeadLetterQueueUrl);
        if (archive.deadLetterArn === deadLetters.arn) return { ok: true, detail: 'three' };
        const detail = 'the archive queue does not move what fails to the dead-letter queue';
        return { ok: false, detail };
      },
    },
    {
      name: 'the schedule group is there',
      fix: deployAgain,
      async run() {
        const state = await readScheduleGroup(outputs.ScheduleGroup);
        return { ok: state === 'ACTIVE', detail: `${outputs.ScheduleGroup} is ${state}` };
      },
    },
    {
      name: 'the timer of the sweep is on',
      fix: deployAgain,
      async run() {
        const name = outputs.SweepFunctionName;
        if (name === undefined) return { ok: false, detail: 'the stack has no sweep yet' };
        const timer = await readTimer(name);
        if (timer === undefined) return { ok: false, detail: `there is no schedule ${name}` };
        if (!timer.isOn) return { ok: false, detail: 'it is off' };
        const isOurs = timer.targetArn.split(':')[6] === name;
        return { ok: isOurs, detail: `${timer.expression}, invokes ${timer.targetArn}` };
      },
    },
    {
      name: 'the secret is filled',
      fix: 'npm run connect, with SUPABASE_SECRET_KEY set',
      async run() {
        const text = await secrets.read();
        if (text === undefined) return { ok: false, detail: 'it has no value' };
        const secret = parseSecret(text);
        if (secret.supabaseUrl === wanted.supabaseUrl)
          return { ok: true, detail: outputs.SecretArn };
        const detail = `it is for ${secret.supabaseUrl}, the stack serves ${wanted.supabaseUrl}`;
        return { ok: false, detail };
      },
    },
    {
      name: 'Vault and the secret agree',
      fix: 'npm run connect',
      async run() {
        const text = await secrets.read();
        const known = text === undefined ? [] : parseSecret(text).webhookSecrets;
        const signing = (await wanted.vault()).secret?.split(/\s+/) ?? [];
        if (signing.length === 0) return { ok: false, detail: 'Vault has no webhook secret' };
        const agrees = signing.some((secret) => known.includes(secret));
        return {
          ok: agrees,
          detail: agrees
            ? 'one webhook secret, at least'
            : 'none of the webhook secrets is in both',
        };
      },
    },
  ];
}
