import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compare } from './compare.ts';
import type { Peer } from './peer.ts';
import { peers } from './peers.ts';
import { report } from './report.ts';
import { type Endpoint, runTests } from './run-tests.ts';

const names = Object.keys(peers);
const usage = `Usage: npm run test:contract -- [PEER …]
  npm run test:contract                what we rely on of AWS, held against our own endpoint
  npm run test:contract -- localstack  and against LocalStack beside it
  npm run test:contract -- ministack   and against MiniStack beside it
In what a peer differs from AWS's documents is listed in test/contract/, in the file of its name.
Exit code 0: all as AWS's documents say, but for what is listed; 1: something else; 2: nothing was run.`;

/** Nothing was run; the message says what to do. */
class NothingRan extends Error {}

function readCommandLine(): string[] {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  const unknown = positionals.find((name) => !names.includes(name));
  if (unknown === undefined) return [...new Set(positionals)];
  throw new Error(`There is no peer '${unknown}', only ${names.join(' and ')}`);
}

async function startPeer(name: string, directory: string, started: AsyncDisposableStack) {
  const peer = peers[name] as Peer;
  const begin = performance.now();
  const server = await peer.start(directory);
  if (server === undefined) throw new NothingRan(`${name} is not installed: run ${peer.install}`);
  started.defer(server.stop);
  console.log(`${name} runs, after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  const environment = {
    CONTRACT_AWS_ENDPOINT_URL: server.url,
    CONTRACT_SCHEDULE_PATIENCE_MS: String(peer.schedulePatience),
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  };
  return { endpoint: { name, environment }, died: server.died };
}

async function runContract(chosen: readonly string[]): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'track-archiver-contract-'));
  // However this process ends; the peers end with it too.
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  await using started = new AsyncDisposableStack();
  const running = [];
  for (const name of chosen) running.push(await startPeer(name, directory, started));
  const ours: Endpoint = { name: 'ours', environment: {} };
  const results = await Promise.race([
    runTests([ours, ...running.map(({ endpoint }) => endpoint)]),
    ...running.map(({ died }) => died),
  ]);
  return report(
    [...results].map(([name, found]) => compare(name, found, peers[name]?.differences ?? [])),
  );
}

let chosen: string[];
try {
  chosen = readCommandLine();
} catch (error) {
  console.error(`${(error as Error).message}. Try: npm run test:contract -- --help`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
delete process.env.CONTRACT_AWS_ENDPOINT_URL;
try {
  process.exit(await runContract(chosen));
} catch (error) {
  if (error instanceof NothingRan) {
    console.error(`${error.message}. Nothing was tested.`);
    process.exit(2);
  }
  console.error(error);
  console.log('tests: 0 passed, 1 failed');
  process.exit(1);
}
