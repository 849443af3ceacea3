import pg from 'pg';
import { putObject } from '../app.ts';
import { type Act, type Asset, assets, type SingleStep } from './steps.ts';
import { address, copyOf, insertTrack, type Lane, type Snapshot, type World } from './world.ts';

/** What a worker has in its hands after a claim. */
export interface Ticket {
  jobId: string;
  token: number;
  /** Of the claim: addresses and what is stored or gone already. */
  sources: Record<Asset, string | null>;
  done: Set<Asset>;
}

/** What workers and callers know: no more than they would really know. */
export interface Known {
  trackId: string;
  workers: [Ticket | undefined, Ticket | undefined];
  /** Of workers that crashed or were given another claim. */
  ghosts: Ticket[];
  plan: { jobId: string; dueAt: Date } | undefined;
  /** For addresses that no step has had before. */
  contents: number;
  previous: Partial<Record<Asset, string>>;
}

/** How a step went. */
export type Seen = { step: SingleStep; error: string | undefined } & (
  | { kind: 'claim'; outcome: string; ticket: Ticket | undefined; lease: number }
  | { kind: 'act'; act: Act; ticket: Ticket; answer: unknown }
  | { kind: 'plan'; action: string; plan: Known['plan'] }
  | { kind: 'other' }
);

/** Does one step on one lane. An error of the database is part of what is seen; `before` is as the app last read it. */
export async function perform(
  world: World,
  lane: Lane,
  known: Known,
  before: Snapshot,
  step: SingleStep,
): Promise<Seen> {
  const held = 'worker' in step ? known.workers[step.worker] : undefined;
  const nothing: Seen = { kind: 'other', step, error: undefined };
  switch (step.step) {
    case 'claim':
      return claim(lane, known.trackId, step);
    case 'store':
    case 'gone':
      return held === undefined ? nothing : store(world, lane, held, step, [step.asset]);
    case 'copy':
      return held === undefined ? nothing : store(world, lane, held, step, missing(held));
    case 'complete':
    case 'fail':
    case 'release':
      return held === undefined ? nothing : act(lane, held, step, step.step);
    case 'ghost': {
      const ghost = known.ghosts[step.which % Math.max(known.ghosts.length, 1)];
      if (ghost === undefined) return nothing;
      return step.act === 'store'
        ? store(world, lane, ghost, step, ['audio'])
        : act(lane, ghost, step, step.act);
    }
    case 'plan':
      return plan(lane, known.trackId, step, step.retry);
    default: {
      const { error } = await attempt(() => ofTheApp(world, lane, known, before, step));
      return { kind: 'other', step, error };
    }
  }
}

async function attempt<Result>(
  run: () => Promise<Result>,
): Promise<{ result?: Result; error: string | undefined }> {
  try {
    return { result: await run(), error: undefined };
  } catch (error) {
    if (error instanceof pg.DatabaseError) return { error: `${error.code} ${error.message}` };
    throw error;
  }
}

async function claim(
  { service }: Lane,
  trackId: string,
  step: Extract<SingleStep, { step: 'claim' }>,
): Promise<Seen> {
  const text = 'select * from public.claim_track_archiving($1, $2, $3)';
  const { result, error } = await attempt(() =>
    service.query(text, [trackId, step.lease, `worker ${step.worker}`]),
  );
  const row = result?.rows[0];
  const ticket: Ticket | undefined =
    row?.outcome === 'claimed'
      ? {
          jobId: row.job_id,
          token: Number(row.fencing_token),
          sources: { audio: row.audio_url, cover: row.cover_url, video: row.video_url },
          done: new Set(
            assets.filter((name) => row[`storage_${name}_url`] !== null || row.gone.includes(name)),
          ),
        }
      : undefined;
  return { kind: 'claim', step, error, outcome: row?.outcome, ticket, lease: step.lease };
}

const missing = (ticket: Ticket): Asset[] =>
  assets.filter((name) => ticket.sources[name] !== null && !ticket.done.has(name));

/** Copies assets of the ticket; ends where one is not recorded. */
async function store(
  { database }: World,
  { service }: Lane,
  ticket: Ticket,
  step: SingleStep,
  names: Asset[],
): Promise<Seen> {
  let answer: unknown;
  for (const asset of names) {
    const source = ticket.sources[asset];
    if (source === null) continue;
    const url = step.step === 'gone' && asset !== 'audio' ? null : copyOf(asset, source);
    if (url !== null) await putObject(database, url);
    const bytes = 'forgotten' in step && step.forgotten ? 4 : 3;
    const { result, error } = await attempt(() =>
      service.query('select public.store_track_asset($1, $2, $3, $4, $5) as answer', [
        ...[ticket.jobId, ticket.token, asset, url, { bytes }],
      ]),
    );
    answer = result?.rows[0]?.answer;
    if (error !== undefined || answer !== true) {
      return { kind: 'act', act: 'store', step, error, ticket, answer };
    }
    ticket.done.add(asset);
  }
  if (answer === undefined) return { kind: 'other', step, error: undefined };
  return { kind: 'act', act: 'store', step, error: undefined, ticket, answer };
}

async function act(
  { service }: Lane,
  ticket: Ticket,
  step: SingleStep,
  name: 'complete' | 'fail' | 'release',
): Promise<Seen> {
  const reason = name === 'complete' ? '' : ', null, null';
  const { result, error } = await attempt(() =>
    service.query(`select public.${name}_track_archiving($1, $2${reason}) as answer`, [
      ...[ticket.jobId, ticket.token],
    ]),
  );
  return { kind: 'act', act: name, step, error, ticket, answer: result?.rows[0]?.answer };
}

async function plan(
  { service }: Lane,
  trackId: string,
  step: SingleStep,
  retry: boolean,
): Promise<Seen> {
  const { result, error } = await attempt(() =>
    service.query('select * from public.plan_track_archiving($1, $2)', [trackId, retry]),
  );
  const row = result?.rows[0];
  const planned = row?.action === 'schedule' ? { jobId: row.job_id, dueAt: row.due_at } : undefined;
  return { kind: 'plan', step, error, action: row?.action, plan: planned };
}

async function ofTheApp(
  world: World,
  lane: Lane,
  known: Known,
  { track }: Snapshot,
  step: SingleStep,
): Promise<void> {
  const { service, user } = lane;
  const { trackId } = known;
  const change = (column: string, value: unknown) =>
    user.query(`update public.tracks set ${column} = $2 where id = $1`, [trackId, value]);
  known.contents += 1;
  switch (step.step) {
    case 'address': {
      const present = track?.[`${step.asset}_url`] ?? null;
      const addresses = {
        new: address(step.asset, known.contents),
        previous: known.previous[step.asset] ?? present,
        spaces: present === null ? ' ' : ` ${present} `,
        none: null,
        copy: track?.[`storage_${step.asset}_url`] ?? present,
        query: present?.trim()
          ? `${present.trim().split('?')[0]}?signature=${known.contents}`
          : null,
        rubbish: 'undefined',
      };
      if (present?.startsWith('https://cdn1.')) known.previous[step.asset] = present;
      await change(`${step.asset}_url`, addresses[step.to]);
      return;
    }
    case 'status':
      await change('status', step.completed ? 'completed' : 'processing');
      return;
    case 'expiry':
      await change('metadata', { expires_at: Date.UTC(2026, 0, 1, step.hours) });
      return;
    case 'request':
      await user.query(
        'insert into public.track_archiving_jobs (track_id, user_id) values ($1, $2)',
        [trackId, world.userId],
      );
      return;
    case 'delete':
      await user.query('delete from public.tracks where id = $1', [trackId]);
      return;
    case 'insert':
      if (track === null) await insertTrack(world, lane, trackId, known.contents);
      return;
    case 'close':
      await service.query("select public.close_track_archiving($1, 'expired', 'too late')", [
        trackId,
      ]);
      return;
    case 'confirm':
      if (known.plan === undefined) return;
      await service.query('select public.confirm_track_schedule($1, $2, $3)', [
        ...[known.plan.jobId, known.plan.dueAt, step.route],
      ]);
      return;
    case 'mark': {
      if (track === null || (track.audio_url ?? '').trim() === '') return;
      const copy = (asset: Asset) => {
        const source = track[`${asset}_url`];
        return source === null || source.trim() === '' ? null : copyOf(asset, source);
      };
      await service.query('select public.mark_track_archived($1, $2, $3, $4)', [
        ...[trackId, copy('audio'), step.cover ? copy('cover') : null, copy('video')],
      ]);
      return;
    }
    default:
      throw new Error(`${step.step} is not a step of the app`);
  }
}
