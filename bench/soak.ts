import { createWriteStream } from 'node:fs';
import { checkTrack } from './soak/check-track.ts';
import { gather } from './soak/gather.ts';
import { help, parseOptions, type SoakOptions } from './soak/options.ts';
import { makePlan } from './soak/plan.ts';
import { play } from './soak/play.ts';
import { type Summary, summarize } from './soak/summary.ts';
import { renderTable } from './soak/table.ts';
import { startWorld } from './soak/world.ts';

/** As a shell reports the end by SIGINT. */
const interruptedCode = 130;

/** Undefined: `interrupted` came first. */
async function soak(
  { tracks, seed, log }: SoakOptions,
  onProgress: (message: string) => void,
  interrupted: Promise<undefined>,
): Promise<Summary | undefined> {
  const plan = makePlan(seed, tracks);
  onProgress(`seed ${seed}, ${tracks} tracks, plan ${plan.fingerprint}`);
  const file = log === undefined ? undefined : createWriteStream(log);
  const began = performance.now();
  const world = await startWorld(plan, (line) => file?.write(`${line}\n`), onProgress);
  try {
    const playing = play(world, onProgress);
    // What breaks once everything is being ended is no news.
    playing.catch(() => {});
    const played = await Promise.race([playing, interrupted]);
    if (played === undefined) return undefined;
    const { atRest } = played;
    onProgress('looking at every track …');
    const gathered = await gather(world);
    const checked = plan.tracks.map((track) => checkTrack(world, gathered, track));
    const deadLetters = (await world.stack.deadLetters()).length;
    const seconds = (performance.now() - began) / 1000;
    return summarize(world, gathered, checked, { atRest, seconds, deadLetters });
  } finally {
    await world.stop();
    file?.end();
  }
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined || options.help) {
    if (options === undefined) {
      process.stderr.write(
        '--tracks is a whole number from 1, --seed one from 0; other options than these are not known.\n\n',
      );
    }
    (options === undefined ? process.stderr : process.stdout).write(help);
    return options === undefined ? 2 : 0;
  }
  const interrupted = new Promise<undefined>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => resolve(undefined));
    }
  });
  const onProgress = (message: string) => process.stderr.write(`soak: ${message}\n`);
  const summary = await soak(options, onProgress, interrupted);
  if (summary === undefined) return interruptedCode;
  const lines = options.json ? [JSON.stringify(summary)] : renderTable(summary);
  process.stdout.write(`${lines.join('\n')}\n`);
  return summary.findings.length === 0 ? 0 : 1;
}

process.exitCode = await main();
