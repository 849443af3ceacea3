import type { Summary } from './summary.ts';

/** Findings that are written out. */
const most = 40;

/** The summary in lines for a person. */
export function renderTable(summary: Summary): string[] {
  const { seed, tracks, plan, days, seconds, endings, owed, failed, injected } = summary;
  const { provider, storage, deadLetters, worst, findings } = summary;
  const rows = (counts: Record<string, number>) =>
    Object.entries(counts).map(([name, count]) => `  ${String(count).padStart(7)}  ${name}`);
  return [
    `Soak: ${tracks} tracks over ${days} days, seed ${seed}, plan ${plan}, in ${seconds} s`,
    '',
    'Tracks',
    ...rows(endings),
    'Owed',
    ...rows({
      'could be saved': owed.savable,
      'of these archived': owed.savableArchived,
      'could be saved, but in too short a time; nothing is promised': owed.tooShort,
      'of these archived all the same': owed.tooShortArchived,
      'of these after the deadline, with the files that were stored before': owed.tooShortLate,
      'could not be saved: no audio, or a file that is broken for good': owed.hopeless,
    }),
    'Failed, by reason',
    ...rows(failed),
    'What was done to them',
    ...rows(injected),
    'Providers, Storage, queues',
    ...rows({
      'requests to providers': provider.requests,
      'whole files served': provider.wholeFiles,
      'of these once more, after a crash or a failed upload': provider.servedAgain,
      'objects in Storage': storage.objects,
      'objects that no track points to': storage.unreferenced,
      'of these of tracks that were deleted when they were archived': storage.ofDeletedArchived,
      'of these of tracks that were deleted before': storage.ofDeletedUnarchived,
      'dead letters': deadLetters,
    }),
    '',
    worst === undefined
      ? 'Nothing was archived.'
      : `Worst lateness: ${worst.track} (${worst.lifetime}), ${lateness(worst.minutesAfterDeadline)}`,
    ...(findings.length === 0
      ? [
          'Nothing was lost: every track is archived with its own bytes, or failed for a true reason.',
        ]
      : [`${findings.length} findings:`, ...findings.slice(0, most).map((each) => `  ${each}`)]),
    ...(findings.length > most ? [`  and ${findings.length - most} more`] : []),
  ];
}

function lateness(minutes: number): string {
  const amount = Math.abs(minutes);
  const hours = Math.floor(amount / 60);
  const text = hours === 0 ? `${amount} min` : `${hours} h ${amount % 60} min`;
  return `archived ${text} ${minutes > 0 ? 'after' : 'before'} its deadline`;
}
