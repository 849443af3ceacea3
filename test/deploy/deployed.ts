import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { SQSClient } from '@aws-sdk/client-sqs';
import { readStackOutputs, type StackOutputs } from '../../adapters/stack-outputs.ts';
import type { Provider } from '../../local/provider/server.ts';
import { bootstrap, build, type Commands, connect, deploy, synthesize } from './commands.ts';
import type { Emulator } from './emulator.ts';
import { addVariables, codeDigest } from './functions.ts';
import { reachableUrl } from './gaps.ts';
import type { Project } from './project.ts';

const stack = 'track-archiver';

/** The stack on the emulator, connected with the project. */
export interface Deployed {
  outputs: StackOutputs;
  /** Of archive-tracks, as it is reached here. */
  archiveTracksUrl: string;
  clients: ReturnType<typeof openClients>;
  /** The doctor's word; rejects where a check does not hold. */
  check(): Promise<string>;
  /** Deploys other code; resolves once it runs. */
  deployAgain(): Promise<void>;
}

interface Surroundings {
  emulator: Emulator;
  directory: string;
  log: (text: string) => void;
  started: AsyncDisposableStack;
  project: Project;
  provider: Provider;
}

export function openClients({ url, environment }: Emulator) {
  const options = {
    endpoint: url,
    region: environment.AWS_REGION ?? '',
    credentials: { accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '', secretAccessKey: 'test' },
  };
  return {
    cloudFormation: new CloudFormationClient(options),
    lambda: new LambdaClient(options),
    sqs: new SQSClient(options),
    scheduler: new SchedulerClient(options),
  };
}

/** Synthesizes, bootstraps, deploys and connects, as docs/deploy.md tells. */
export async function deployAndConnect(surroundings: Surroundings): Promise<Deployed> {
  const { emulator, directory, log, started, project, provider } = surroundings;
  const commands: Commands = { environment: emulator.environment, directory };
  const clients = openClients(emulator);
  for (const each of Object.values(clients)) started.defer(() => each.destroy());

  await build();
  const { cdkOut, replaced } = await synthesize(commands, 'first.out', stack);
  log(`cdk synth; plain metrics stand in for ${replaced.length} alarms`);
  await bootstrap(commands, cdkOut);
  log('cdk bootstrap');
  await deploy(commands, cdkOut);
  const outputs = await readStackOutputs(clients.cloudFormation, stack);
  log('cdk deploy');

  const archiving = ['archive', 'archive-tracks'].map((name) => `${stack}-${name}`);
  const settle = async () => {
    for (const name of archiving) {
      await addVariables(clients.lambda, name, {
        AWS_ENDPOINT_URL: emulator.url,
        PROVIDER_ADDRESS_OVERRIDES: provider.addressOverrides,
        NODE_EXTRA_CA_CERTS: provider.certificate,
        RETRY_BASE_DELAY_MS: '100',
      });
    }
  };
  await settle();

  const archiveTracksUrl = reachableUrl(emulator.url, outputs.ArchiveTracksUrl ?? '');
  const addresses = [
    ...['--database-url', project.databaseUrl, '--supabase-url', project.url],
    ...['--webhook-url', reachableUrl(emulator.url, outputs.WebhookUrl)],
    ...['--archive-tracks-url', archiveTracksUrl],
  ];
  const environment = { ...commands.environment, SUPABASE_SECRET_KEY: project.secretKey };
  const connected = (await connect({ ...commands, environment }, addresses)).trim().split('\n');
  log(`npm run connect: ${connected.length} steps, ${connected.at(-1)?.slice(0, 160)}`);

  return {
    outputs,
    archiveTracksUrl,
    clients,
    async check() {
      const checked = await connect(commands, [...addresses, '--check']);
      return `npm run connect -- --check: ${checked.match(/^✓/gm)?.length} checks hold`;
    },
    async deployAgain() {
      const digests = () => Promise.all(archiving.map((name) => codeDigest(clients.lambda, name)));
      const before = await digests();
      await build('a second deployment');
      try {
        const second = await synthesize(commands, 'second.out', stack);
        await deploy(commands, second.cdkOut);
      } finally {
        await build();
      }
      const after = await digests();
      if (after.some((digest) => before.includes(digest)))
        throw new Error('The old code still runs');
      await settle();
    },
  };
}
