import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Bundle } from './bundles.ts';
import type { Outside } from './outside.ts';

/** Milliseconds of processor time. */
export interface ColdStart {
  /** Node itself, before it does anything for us. */
  start: number;
  /** Until the bundle is loaded and its handler is there. */
  load: number;
  /** From then until the first webhook is answered; none was sent: 0. */
  first: number;
}

/** Starts a process as Lambda starts an environment; without a bundle, Node alone. */
export async function startCold(outside: Outside, bundle?: Bundle): Promise<ColdStart> {
  const webhook = bundle?.takesWebhook ? [JSON.stringify(outside.webhook())] : [];
  const child = fork(
    join(import.meta.dirname, 'process.mjs'),
    bundle === undefined ? [] : [bundle.file, ...webhook],
    { env: outside.environment, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  );
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${bundle?.title ?? 'node'} ended with code ${code}`);
  });
  const [{ start, load, first, answer }] = await Promise.race([once(child, 'message'), ended]);
  await ended.catch(() => {});
  if (bundle?.takesWebhook && answer.statusCode !== 200)
    throw new Error(`${bundle.title} answered ${answer.statusCode} ${answer.body}`);
  return { start: start / 1000, load: load / 1000, first: first / 1000 };
}

/** Takes turns, so that what else the machine does falls on all alike. */
export async function takeTurns(
  outside: Outside,
  bundles: Bundle[],
  rounds: number,
): Promise<{ bare: ColdStart[]; of: Map<Bundle, ColdStart[]> }> {
  const bare: ColdStart[] = [];
  const of = new Map<Bundle, ColdStart[]>(bundles.map((bundle) => [bundle, []]));
  for (let round = 0; round < rounds; round++) {
    bare.push(await startCold(outside));
    for (const bundle of bundles) of.get(bundle)?.push(await startCold(outside, bundle));
  }
  return { bare, of };
}
