import assert from 'node:assert/strict';
import type { Seen, Ticket } from './perform.ts';
import { assets } from './steps.ts';
import { contentOf, type JobRow, type Snapshot } from './world.ts';

const isPresent = (url: string | null): url is string => url !== null && url.trim() !== '';
const isOpen = (job: JobRow): boolean => job.status === 'pending' || job.status === 'processing';
/** Addresses that lead to our own copy are copies of what the copy is a copy of. */
const sameContent = (a: string, b: string): boolean => contentOf(a) === contentOf(b);

/** What must hold of the rows at any time. */
export function checkRows({ track, jobs }: Snapshot): void {
  const open = jobs.filter(isOpen);
  assert.ok(open.length <= 1, 'at most one job of a track is open');
  for (const job of jobs) {
    assert.ok(job.status !== 'failed' || job.error_code !== null, 'a failed job has a code');
    assert.equal(job.lease_expires_at !== null, job.status === 'processing', 'who works is leased');
  }
  if (track === null) return;
  for (const asset of assets) {
    const source = track[`${asset}_url`];
    const stored = track[`storage_${asset}_url`];
    if (!isPresent(source) || stored === null) continue;
    assert.ok(sameContent(source, stored), `the stored ${asset} is that of an old source`);
  }
  if (!track.archived_to_storage) return;
  assert.deepEqual(open, [], 'an archived track has no open job');
  assert.notEqual(track.archived_at, null);
  assert.notEqual(track.storage_audio_url, null, 'audio is never optional');
  const last = jobs.findLast((job) => job.status === 'completed');
  for (const asset of assets) {
    const isDone =
      track[`storage_${asset}_url`] !== null ||
      last?.metadata.assets?.[asset]?.gone === true ||
      last?.metadata.manual === true;
    const message = `archived, but its ${asset} is neither stored nor gone`;
    assert.ok(isDone || !isPresent(track[`${asset}_url`]), message);
  }
}

/** What must hold of two looks. `alone`: there was one transaction between them. */
export function checkChange(before: Snapshot, after: Snapshot, alone: boolean): void {
  if (before.track === null || after.track === null) return;
  for (const job of before.jobs) {
    const later = after.jobs.find(({ id }) => id === job.id);
    if (!isOpen(job)) {
      const known = { ...job, expired_at: later?.expired_at, buried_at: later?.buried_at };
      assert.deepEqual(later, known, 'a job that has ended does not change');
    } else if (later === undefined) {
      assert.ok(!alone || job.status === 'pending', 'only pending jobs go away');
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
export class Referee {
  #live: { token: number; until: number } | undefined;
  #highest = 0;

  /** Judges one answer. `after` is left out where another transaction overlapped. */
  judge(seen: Seen, now: number, before: Snapshot, after: Snapshot | undefined): void {
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
  const { track, jobs } = before;
  const [code] = seen.error?.split(' ') ?? [];
  if (code === 'TA001') {
    assert.ok(seen.kind === 'act');
    const isForgotten = 'forgotten' in seen.step && seen.step.forgotten;
    return isForgotten && isCurrent(before, seen.ticket);
  }
  if (seen.kind === 'act' && seen.act === 'complete' && code === '55000') {
    const job = jobs.find(({ id }) => id === seen.ticket.jobId);
    return !alone || (job !== undefined && hasMissing(job));
  }
  if (seen.step.step === 'request' && code === '42501') {
    return !alone || track?.status !== 'completed' || track.archived_to_storage;
  }
  return !alone && seen.step.step === 'request' && code === '23503';
}

const hasMissing = (job: JobRow): boolean =>
  assets.some(
    (asset) =>
      job[`storage_${asset}_url`] === null &&
      (asset === 'audio' ||
        (job[`original_${asset}_url`] !== null && !job.metadata.assets?.[asset]?.gone)),
  );
