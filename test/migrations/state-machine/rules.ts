import assert from 'node:assert/strict';
import type { Seen, Ticket } from './perform.ts';
import { assets } from './steps.ts';
import { contentOf, type FileRow, type JobRow, type Snapshot } from './world.ts';

const isPresent = (url: string | null): url is string => url !== null && url.trim() !== '';
const isOpen = (job: JobRow): boolean => job.status === 'pending' || job.status === 'processing';

/** What must hold of the rows at any time. */
export function checkRows({ track, jobs, files }: Snapshot): void {
  const open = jobs.filter(isOpen);
  assert.ok(open.length <= 1, 'at most one job of a track is open');
  for (const job of jobs) {
    assert.ok(job.status !== 'failed' || job.error_code !== null, 'a failed job has a code');
    assert.equal(job.lease_expires_at !== null, job.status === 'processing', 'who works is leased');
    if (isOpen(job)) assert.notEqual(job.next_check_at, null, 'an open job is looked at again');
    if (job.status === 'completed') assert.equal(job.next_check_at, null, 'nothing is left to do');
    if (!job.is_latest) assert.ok(job.next_check_at === null, 'only the newest job counts');
  }
  assert.ok(jobs.filter((job) => job.is_latest).length <= 1, 'one job is the newest');
  for (const { kind, copied_from, storage_url } of files) {
    if (copied_from === null || storage_url === null) continue;
    const message = `the copy of the ${kind} is that of the source that is recorded`;
    assert.equal(contentOf(storage_url), contentOf(copied_from), message);
  }
  if (track === null || !track.archived_to_storage) return;
  assert.ok(
    open.every((job) => job.renews),
    'an archived track has no job but for new sources',
  );
  assert.notEqual(track.archived_at, null);
  assert.notEqual(track.storage_audio_url, null, 'audio is never optional');
  const last = jobs.findLast((job) => job.status === 'completed');
  if (open.length > 0 || jobs.at(-1) !== last) return;
  for (const asset of assets) {
    const isDone =
      track[`storage_${asset}_url`] !== null ||
      files.some(({ kind, error_code }) => kind === asset && error_code !== null) ||
      last?.metadata.manual === true;
    const message = `archived, but its ${asset} is neither stored nor refused`;
    const source = last?.[`original_${asset}_url`] ?? null;
    assert.ok(isDone || !isPresent(source), message);
  }
}

/** What no transition touches once a job has ended. */
const ended = (job: JobRow) => [
  job.status,
  job.fencing_token,
  job.attempt,
  job.started_at,
  job.original_audio_url,
];

/** What must hold of two snapshots. `alone`: there was one transaction between them. */
export function checkChange(before: Snapshot, after: Snapshot, alone: boolean, now: number): void {
  if (before.track === null || after.track === null) return;
  for (const asset of assets) {
    const name = `storage_${asset}_url` as const;
    const isGivenUp = before.track[name] !== null && after.track[name] === null;
    assert.ok(!isGivenUp, `the stored ${asset} was given up`);
  }
  for (const job of before.jobs) {
    const later = after.jobs.find(({ id }) => id === job.id);
    if (!isOpen(job)) {
      assert.deepEqual(later && ended(later), ended(job), 'a job that has ended does not change');
    } else if (later === undefined) {
      const isAbandoned = Date.parse(job.lease_expires_at ?? '') <= now;
      assert.ok(!alone || job.status === 'pending' || isAbandoned, 'only pending jobs go away');
    } else {
      const message = 'the fencing token of a job only grows';
      assert.ok((later.fencing_token ?? 0) >= (job.fencing_token ?? 0), message);
    }
  }
}

export const isCurrent = ({ jobs }: Snapshot, ticket: Ticket): boolean =>
  jobs.some(
    (job) =>
      job.id === ticket.jobId && job.status === 'processing' && job.fencing_token === ticket.token,
  );

/** Who may believe to work on the track, by the answers that callers got. */
export class Invariants {
  #live: { token: number; until: number } | undefined;
  #highest = 0;

  /** Checks one answer. `after` is left out where another transaction overlapped. */
  check(seen: Seen, now: number, before: Snapshot, after: Snapshot | undefined): void {
    if (seen.error !== undefined) {
      const alone = after !== undefined;
      assert.ok(isExpected(seen, before, alone), `unexpected: ${seen.error}`);
    }
    if (seen.kind === 'claim' && seen.ticket !== undefined) {
      const { token } = seen.ticket;
      assert.ok(token > this.#highest, 'tokens only grow');
      assert.ok(this.#live === undefined || this.#live.until <= now, 'a second live claim');
      this.#highest = token;
      this.#live = { token, until: now + seen.lease * 1000 };
    }
    if (seen.kind === 'act') {
      const { ticket, answer } = seen;
      if ('forgotten' in seen.step && seen.step.forgotten) {
        assert.notEqual(answer, true, 'an asset that Storage has not was recorded');
      }
      if (!isCurrent(before, ticket)) {
        assert.ok(answer === false || answer === 'lease_lost', 'a stale token was accepted');
        if (after !== undefined) assert.deepEqual(after, before, 'a stale token changed something');
      }
      const took = answer === true || answer === 'completed' || answer === 'superseded';
      if (seen.act !== 'store' && took && this.#live?.token === ticket.token) {
        this.#live = undefined;
      }
    }
    // A person's word and the app's deletion end every claim.
    if (seen.error === undefined && (seen.step.step === 'mark' || seen.step.step === 'delete')) {
      this.#live = undefined;
    }
  }
}

/** Errors that callers have to live with. */
function isExpected(seen: Seen, before: Snapshot, alone: boolean): boolean {
  const { track, jobs, files } = before;
  const [code] = seen.error?.split(' ') ?? [];
  if (code === 'TA001') {
    assert.ok(seen.kind === 'act');
    const isForgotten = 'forgotten' in seen.step && seen.step.forgotten;
    return isForgotten && isCurrent(before, seen.ticket);
  }
  if (seen.kind === 'act' && seen.act === 'complete' && code === '55000') {
    const job = jobs.find(({ id }) => id === seen.ticket.jobId);
    return !alone || (job !== undefined && hasMissing(job, files));
  }
  if (seen.step.step === 'request' && code === 'P0001') return true;
  if (seen.step.step === 'request' && code === '42501') {
    return !alone || track?.status !== 'completed' || track.archived_to_storage;
  }
  return !alone && seen.step.step === 'request' && code === '23503';
}

const hasMissing = (job: JobRow, files: FileRow[]): boolean =>
  assets.some((asset) => {
    const source = job[`original_${asset}_url`];
    const file = files.find(({ kind }) => kind === asset);
    if (asset === 'audio' && (file?.storage_url ?? null) === null) return true;
    if (source === null || file?.error_code != null) return false;
    return file?.storage_url == null || contentOf(file.copied_from ?? '') !== contentOf(source);
  });
