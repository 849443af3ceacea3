import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Disposition, type FailureCode, type FailureRow, failures } from '../core/failure.ts';
import { maxTries, refusalReceives, sweepTries } from '../core/retry.ts';
import { maxReceiveCount } from '../core/timings.ts';

const [first, last] = [refusalReceives(false), refusalReceives(true)];
/** How often a provider is asked for what it does not have. */
const requests = [
  ['audio, by the schedule, a request or the endpoint', `${first}: at once, and a minute later`],
  [
    'audio, by the sweep, until the expiry',
    `${last} each time, at most ${sweepTries} times: after an eighth of the time between due date and expiry, from a minute to six hours`,
  ],
  ['audio, all in all', `at most ${first + last * sweepTries}`],
  [
    'a cover or video',
    '2: the second time after an eighth of the time that is left, from one to six hours; within two hours of the expiry, a minute later',
  ],
  [
    'a file that is too large',
    'as above: once its announced length is too long, no more of it is read',
  ],
  ['anything that answers 410 or 441, or that is a danger', '1'],
  [
    'anything that breaks (`retry`)',
    `${maxTries} a delivery, ${maxReceiveCount} deliveries, and the same by the sweep`,
  ],
] as const;

export const failuresFile = join(import.meta.dirname, '../docs/failures.md');

const dispositions: Record<Disposition, string> = {
  retry:
    'Tried three times inside the invocation, then delivered again by the queue after 1, 2, 4 and 8 minutes. ' +
    'After the fifth receive the message is in the dead-letter queue and the job is failed. ' +
    'Until the track expires, the sweep tries it again every few hours all the same.',
  'ask-again':
    'The provider said no, which is not the last word: the table below has when it is asked again. Until the last time ' +
    'nobody is told, and there is no message in the dead-letter queue; the sweep sends one when the track has expired. A cover or video that is refused twice is recorded with its code, and the track is archived without it.',
  'give-up':
    'The message is in the dead-letter queue at once, the job is failed, and the provider is asked no more. ' +
    'A cover or video that fails so is recorded with its code, and the track is archived without it.',
  ignore:
    'Somebody else’s work or nobody’s: the message is deleted, nothing is recorded as failed.',
};

/** The text of docs/failures.md: every failure, in the order of core/failure.ts. */
export function listFailures(): string {
  const codes = Object.entries<FailureRow>(failures) as [FailureCode, FailureRow][];
  const rows = codes.map(([code, { meaning, disposition, operator }]) =>
    tableRow([`\`${code}\``, meaning, disposition, operator]),
  );
  const meanings = Object.entries(dispositions).map(([name, text]) => tableRow([name, text]));
  return `# Failures

Why a track is not archived (yet): every code that there is, written by \`npm run failures\` from \`core/failure.ts\`
and held to it by a test; \`test/failures/\` makes each of them happen. The code stands in
\`track_archiving_jobs.error_code\`, in the attribute \`code\` of a message that the archiver itself put into the
dead-letter queue, and in the log lines \`Asset failed\`, \`Track released\` and \`Track failed\`.

| disposition | what becomes of the track |
|---|---|
${meanings.join('\n')}

| what a provider does not have | requests |
|---|---|
${requests.map(tableRow).join('\n')}

A message that SQS itself moved after five receives carries no code: the latest job of its track has it, and
\`npx track-archiver dlq list\` shows it. Where an address is corrected on the track, nothing need be redriven: the
change sends a webhook, and the old message can be dropped.

| code | meaning | disposition | what the operator does |
|---|---|---|---|
${rows.join('\n')}

${rows.length} codes. Jobs taken over from the legacy system may have \`legacy_system\` besides, which is no failure of this one.
`;
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

if (import.meta.main) writeFileSync(failuresFile, listFailures());
