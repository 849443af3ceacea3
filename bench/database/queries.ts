import { maxInFlight, maxReceiveCount } from '../../core/timings.ts';
import type { Query } from './measure.ts';

const begin = "'00000000-0000-0000-0000-000000000000'";
const settings = (column: string) =>
  `update public.track_archiving_settings set ${column} = ${begin}`;
/** Of a stack with the usual concurrency. */
const room = maxInFlight(10);

/** What operators ask, and each step of the sweep with the limits that it has (app/sweep.ts). */
export const queries: Query[] = [
  {
    name: 'worklist of 200',
    sql: 'select * from public.get_tracks_needing_archiving(200)',
    atMost: 5,
  },
  { name: 'archive_statistics', sql: 'select * from public.archive_statistics', atMost: 100 },
  {
    name: 'get_archiving_backlog',
    sql: 'select * from public.get_archiving_backlog()',
    atMost: 50,
  },
  {
    name: 'refresh_deadlines of 500',
    before: settings('deadlines_after'),
    sql: 'select public.refresh_deadlines(500)',
    atMost: 50,
  },
  {
    name: 'adopt_tracks of 500',
    before: settings('adopted_up_to'),
    sql: 'select * from public.adopt_tracks(500)',
    atMost: 50,
  },
  { name: 'open_missing_jobs, none', sql: 'select public.open_missing_jobs(500)', atMost: 50 },
  {
    name: 'take_stalled_tracks of 500',
    sql: `select * from public.take_stalled_tracks(500, ${room}, ${maxReceiveCount})`,
    atMost: 50,
  },
  {
    name: 'audit_stored_files of 500',
    sql: 'select * from public.audit_stored_files(500)',
    atMost: 50,
  },
  {
    name: 'get_removable_objects of 500',
    sql: 'select * from public.get_removable_objects(500)',
    atMost: 50,
  },
  { name: 'compact_track_counts', sql: 'select public.compact_track_counts()', atMost: 50 },
];
