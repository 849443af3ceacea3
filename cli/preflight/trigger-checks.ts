import { plain } from '../plain.ts';
import { ok, type PreflightCheck, warning } from './check.ts';
import { first, quoted } from './words.ts';

interface Trigger {
  name: string;
  isBefore: boolean;
  isEnabled: boolean;
  function: string;
  source: string;
}

const ours = 'archived_to_storage|storage_(audio|cover|video)_url|archive_scheduled_at|archived_at';
const sources = 'status|provider|audio_url|cover_url|video_url|user_id|created_at|metadata';
/** Ours that reads these; triggers run in the order of their names. */
const guard = 'track_archiving_100';

export const triggersCheck: PreflightCheck = {
  name: 'no trigger of the app is in the way',
  async run({ read }) {
    const triggers = await read<Trigger>(
      `select t.tgname::text as name, t.tgtype & 2 = 2 as "isBefore", t.tgenabled <> 'D' as "isEnabled",
         p.oid::regproc::text as function, p.prosrc as source
       from pg_trigger as t join pg_proc as p on p.oid = t.tgfoid
       where t.tgrelid = to_regclass('public.tracks') and not t.tgisinternal and t.tgname !~ '^track_archiving_'
       order by 1`,
    );
    const found = triggers.filter(({ isEnabled }) => isEnabled).flatMap(describe);
    const details = triggers.map(
      ({ name, function: called, isBefore, isEnabled }) =>
        `${plain(name, 63)} ${isBefore ? 'before' : 'after'}: ${plain(called, 100)}${isEnabled ? '' : ', disabled'}`,
    );
    if (found.length === 0)
      return ok(triggers.length === 0 ? 'there is none' : 'none of them', details);
    return warning(
      found.join('; '),
      'let them leave alone what the archiver writes, and let rows of service_role and postgres pass',
      first(details),
    );
  },
};

function describe({ name, isBefore, function: called, source }: Trigger): string[] {
  const shown = plain(name, 63);
  if (called.endsWith('schedule_track_archiving')) return [];
  if (called === 'supabase_functions.http_request') {
    return [`${shown} is a webhook that also posts at each update of the archiver`];
  }
  if (!isBefore) return [];
  if (new RegExp(`new\\.(${ours})\\s*:?=`, 'i').test(source)) {
    return [`${shown} writes columns that are the archiver’s`];
  }
  if (name > guard && new RegExp(`new\\.(${sources})\\s*:?=`, 'i').test(source)) {
    return [
      `${shown} changes a track after the archiver has read it: give it a name that sorts before ${guard}`,
    ];
  }
  if (/return\s+null/i.test(source)) return [`${shown} may drop an update of the archiver`];
  if (/raise\s+exception/i.test(source)) return [`${shown} may refuse an update of the archiver`];
  return [];
}

/** The legacy system's timer, and jobs that clean up Storage. */
export const jobsCheck: PreflightCheck = {
  name: 'no job of the app deletes or archives files',
  async run({ read }) {
    const functions = await read<{ name: string }>(
      `select p.oid::regprocedure::text as name from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
       where n.nspname !~ '^pg_' and n.nspname not in ('storage', 'archiver', 'extensions', 'information_schema')
         and p.prosrc ~* 'delete\\s+from\\s+storage\\.objects|storage\\.delete' order by 1`,
    );
    // Not everywhere, and not for every role.
    const jobs = await read<{ name: string; command: string }>(
      `select coalesce(to_jsonb(j) ->> 'jobname', j.jobid::text) as name, j.command from cron.job as j
       where j.active and j.command ~* 'archive-tracks|archiv|storage|cleanup|clean_up|expire' order by 1`,
    ).catch(() => []);
    const lines = [
      ...functions.map(({ name }) => `the function ${plain(name, 100)} deletes files of Storage`),
      ...jobs.map(({ name, command }) => `the cron job ${quoted(name)} runs ${quoted(command)}`),
    ];
    if (lines.length === 0)
      return ok('none was found in the database; timers elsewhere are not seen');
    return warning(
      `${lines.length === 1 ? 'one' : lines.length} may work against the archiver`,
      'stop what archives tracks (select cron.unschedule(…)), and keep clean-ups away from tracks-audio, tracks-covers and tracks-videos',
      lines,
    );
  },
};
