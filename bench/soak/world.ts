import type pg from 'pg';
import { setWebhook } from '../../local/stack/database.ts';
import { type Stack, startStack } from '../../local/stack.ts';
import { type App, createApp } from './app.ts';
import { Counts } from './counts.ts';
import { lifetimes } from './lifetimes.ts';
import { type Mail, startMail } from './mail.ts';
import type { Plan } from './plan.ts';
import { type Served, serveAll } from './serve.ts';
import { spoil } from './spoil.ts';
import { type FragileSupabase, startFragileSupabase } from './supabase.ts';

export interface World {
  plan: Plan;
  stack: Stack;
  supabase: FragileSupabase;
  mail: Mail;
  served: Served;
  app: App;
  counts: Counts;
  /** How many workers were killed that held a track, by its id. */
  killed: Map<string, number>;
  /** Injected milliseconds from the beginning. */
  now(): number;
  advanceTo(time: number): Promise<void>;
  /** As a date of the injected clock. */
  dateOf(time: number): Date;
  stop(): Promise<void>;
}

/** Milliseconds; small, so that thousands of tracks pass in minutes. */
const retryBaseDelay = 10;
const providerTimeout = 2500;

/** The local stack with a Supabase that can be killed, a post that loses letters, and the providers of the plan. */
export async function startWorld(
  plan: Plan,
  onLog: (line: string) => void,
  onProgress: (message: string) => void,
): Promise<World> {
  await using started = new AsyncDisposableStack();
  const counts = new Counts();
  let supabase: FragileSupabase | undefined;
  const stack = await startStack({
    startSupabase: async (directory) => {
      supabase = await startFragileSupabase(directory, onLog);
      return supabase;
    },
    retryBaseDelay,
    providerTimeout,
    onLog,
    onProgress,
  });
  started.defer(stack.stop);
  if (supabase === undefined) throw new Error('The stack did not start its Supabase.');
  const { clock, database } = stack;
  await setPolicies(database);
  const beginning = clock.now();
  const now = () => clock.now() - beginning;
  const mail = await startMail(plan.seed, stack.functions.functionUrl, counts);
  started.defer(mail.stop);
  await setWebhook(database, mail.url, stack.webhookSecret);
  supabase.proxy.intercept = spoil({ seed: plan.seed, outages: plan.outages, counts, now });
  const running = started.move();
  return {
    ...{ plan, stack, supabase, mail, counts, now, killed: new Map() },
    app: createApp(database),
    served: serveAll(stack.provider, plan.tracks, plan.outages, now),
    advanceTo: (time) => clock.advanceTo(beginning + time),
    dateOf: (time) => new Date(beginning + time),
    stop: () => running.disposeAsync(),
  };
}

async function setPolicies(database: pg.Pool): Promise<void> {
  for (const [name, { retention, archiveAfter, host }] of Object.entries(lifetimes)) {
    await database.query(
      `insert into public.track_archiving_policies (provider, retention, archive_after, allowed_hosts)
       values ($1, make_interval(secs => $2), make_interval(secs => $3), array[$4])`,
      [name, retention / 1000, archiveAfter / 1000, host],
    );
  }
}
