import { fork } from 'node:child_process';
import { on, once } from 'node:events';
import { join } from 'node:path';
import { build } from 'esbuild';
import { bytesOf, kindsOf, type LinkName, type TrackFiles } from './ground.ts';
import type { Measured, Order } from './lane.ts';
import type { Ports } from './server.ts';
import type { Arrived } from './supabase.ts';

export const laneNames = ['legacy', 'ours', 'nodePipe', 'undiciPipe'] as const;
export type LaneName = (typeof laneNames)[number];

/** The provider and Supabase, in a process each, with the same files for every track. */
export interface Servers {
  files: TrackFiles;
  provider: Process;
  supabase: Process;
  ports: { provider: Ports; supabase: Ports };
}

export interface Lane {
  name: LaneName;
  /** Has so many tracks copied at once; rejects where not every file came whole, or the lane fails. */
  copy(link: LinkName, tracks: number): Promise<Measured>;
  stop(): Promise<void>;
}

interface Process {
  /** The next message of the process; rejects where it ends instead. */
  reply<Message>(question?: object): Promise<Message>;
  stop(): Promise<void>;
}

function startProcess(module: string, args: string[] = []): Process {
  // What our own lane logs is written, as in Lambda, but not shown.
  const child = fork(module, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const messages = on(child, 'message', { close: ['exit'] });
  const ended = once(child, 'exit');
  return {
    async reply(question) {
      if (question !== undefined) child.send(question);
      const next = await messages.next();
      if (next.done) throw new Error(`${module} ended with code ${(await ended)[0]}`);
      return next.value[0];
    },
    async stop() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

export async function startServers(files: TrackFiles): Promise<Servers> {
  const start = (name: string) =>
    startProcess(join(import.meta.dirname, `${name}.ts`), [JSON.stringify(files)]);
  const provider = start('provider');
  const supabase = start('supabase');
  const ports = {
    provider: await provider.reply<Ports>(),
    supabase: await supabase.reply<Ports>(),
  };
  return { files, provider, supabase, ports };
}

export const stopServers = async ({ provider, supabase }: Servers): Promise<void> => {
  await Promise.all([provider.stop(), supabase.stop()]);
};

const fileNames: Record<LaneName, string> = {
  legacy: 'legacy',
  ours: 'ours',
  nodePipe: 'node-pipe',
  undiciPipe: 'undici-pipe',
};

/** Bundles the lanes as the Lambdas are bundled, so that no loader's memory counts as a lane's. */
export async function bundleLanes(directory: string): Promise<void> {
  await build({
    entryPoints: laneNames.map((name) =>
      join(import.meta.dirname, 'lanes', `${fileNames[name]}.ts`),
    ),
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    keepNames: true,
    logLevel: 'error',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
}

export function startLane(name: LaneName, directory: string, servers: Servers): Lane {
  const lane = startProcess(join(directory, `${fileNames[name]}.mjs`));
  const { files, ports, supabase } = servers;
  return {
    name,
    async copy(link, tracks) {
      const order: Order = {
        ground: { files, providerPort: ports.provider[link], supabasePort: ports.supabase[link] },
        tracks,
      };
      const measured = await lane.reply<Measured>(order);
      const { objects, bytes } = await supabase.reply<Arrived>({});
      const expected = { objects: tracks * kindsOf(files).length, bytes: tracks * bytesOf(files) };
      if (objects !== expected.objects || bytes !== expected.bytes) {
        throw new Error(
          `${name}: ${objects} files of ${bytes} bytes arrived, not ${expected.objects} of ${expected.bytes}`,
        );
      }
      return measured;
    },
    stop: lane.stop,
  };
}
