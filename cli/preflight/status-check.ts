import type { App } from './app.ts';
import { ok, type PreflightCheck, problem, warning } from './check.ts';
import { amount, first, quoted, tally } from './words.ts';

/** Words that other apps have for what is archived here as `completed`. */
const doneWords =
  /^(completed?|success(ful)?|succeed(ed)?|succeeded|done|finished|ready|published|active|available)$/i;

/** Whether tracks of that status are finished, by whatever word. */
export const isDone = (status: string | null): boolean =>
  status !== null && (status === 'completed' || doneWords.test(status.trim()));

const fix =
  'only tracks whose status is exactly completed are archived: write that word, or let a trigger of the app set it';

export const statusCheck: PreflightCheck = {
  name: 'the status of finished tracks is completed',
  run({ groups, sample }: App) {
    const words = tally(
      groups,
      ({ status }) => quoted(status),
      ({ tracks }) => tracks,
    );
    const details = first(words.map(([word, count]) => `${word}: ${amount(count, sample.share)}`));
    const finished = groups.filter(({ status }) => status === 'completed');
    const others = groups.filter(({ status }) => status !== 'completed' && isDone(status));
    const strange = groups.filter(
      ({ status, withSong }) =>
        !isDone(status) && withSong > 0 && !/fail|error|cancel|delet/i.test(status ?? ''),
    );
    const shown = (of: typeof groups) => [...new Set(of.map(({ status }) => quoted(status)))];
    if (others.length > 0) {
      const text = `${first(shown(others)).join(', ')} would not be archived`;
      return finished.length === 0
        ? problem(`no track is completed, and ${text}`, fix, details)
        : warning(text, fix, details);
    }
    if (finished.length === 0 && strange.length > 0) {
      return problem(
        `no track is completed; those with a song are ${first(shown(strange)).join(', ')}`,
        fix,
        details,
      );
    }
    if (strange.length > 0) {
      return warning(
        `tracks of status ${first(shown(strange)).join(', ')} have a song already and are not archived as long as they are`,
        `see that this is meant; ${fix}`,
        details,
      );
    }
    return ok(words.length === 0 ? 'there are no tracks yet' : 'yes', details);
  },
};
