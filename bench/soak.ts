import { createWriteStream } from 'node:fs';
import { gather } from './soak/gather.ts';
import { judge } from './soak/judge.ts';
import { help, parseOptions, type SoakOptions } from './soak/options.ts';
import { makePlan } from './soak/plan.ts';
import { play } from './soak/play.ts';
import { type Summary, summarize } from './soak/summary.ts';
import { renderTable } from './soak/table.ts';
import { startWorld } from './soak/world.ts';

async function soak(
  { tracks, seed, log }: SoakOptions,
  onProgress: (message: string) => void,
): Promise<Summary> {
  const plan = makePlan(seed, tracks);
  onProgress(`seed ${seed}, ${tracks} tracks, plan ${plan.fingerprint}`);
  const file = log === undefined ? undefined : createWriteStream(log);
  const began = performance.now();
  const world = await startWorld(plan, (line) => file?.write(`${line}\n`), onProgress);
  try {
    const { atRest } = await play(world, onProgress);
    onProgress('looking at every track …');
    const gathered = await gather(world);
    const judged = plan.tracks.map((track) => judge(world, gathered, track));
    const deadLetters = (await world.stack.deadLetters()).length;
    const seconds = (performance.now() - began) / 1000;
    return summarize(world, gathered, judged, { atRest, seconds, deadLetters });
  } finally {
    await world.stop();
    file?.end();
  }
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === undefined || options.help) {
    (options === undefined ? process.stderr : process.stdout).write(help);
    return options === undefined ? 2 : 0;
  }
  // Whoever reads the summary wants to know how to play it again even if it never comes.
  const interrupted = new Promise<number>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(130));
  });
  const running = soak(options, (message) => process.stderr.write(`soak: ${message}\n`)).then(
    (summary) => {
      const lines = options.json ? [JSON.stringify(summary)] : renderTable(summary);
      process.stdout.write(`${lines.join('\n')}\n`);
      return summary.findings.length === 0 ? 0 : 1;
    },
  );
  return await Promise.race([running, interrupted]);
}

process.exitCode = await main();
