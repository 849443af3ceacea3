import { everybodyDenied, type Row, type Scene } from './access.ts';
import { storageTable } from './access-to-storage.ts';

export const table: Row[] = [
  {
    what: 'read jobs',
    sql: () => 'select * from track_archiving_jobs',
    answers: { anon: 'denied', owner: 2, another: 0, service: 2 },
  },
  {
    what: 'ask for a track to be archived',
    sql: (s) => `insert into track_archiving_jobs (track_id, user_id, status)
      values ('${s.track}', '${s.owner}', 'pending') returning id`,
    answers: { anon: 'denied', owner: 1, another: 'denied', service: 'taken' },
  },
  {
    what: 'ask again for a failed track',
    sql: (s) => `insert into track_archiving_jobs (track_id, user_id, status)
      values ('${s.failed}', '${s.owner}', 'pending') returning id`,
    answers: { anon: 'denied', owner: 1, another: 'denied', service: 1 },
  },
  {
    what: 'ask for the track of the owner in the name of another',
    sql: (s) => `insert into track_archiving_jobs (track_id, user_id, status)
      values ('${s.failed}', '${s.another}', 'pending') returning id`,
    // The service's job takes the track's owner, whoever was named.
    answers: { ...everybodyDenied, service: 1 },
  },
  {
    what: 'ask for a track that is not completed',
    sql: (s) => `insert into track_archiving_jobs (track_id, user_id, status)
      values ('${s.draft}', '${s.owner}', 'pending') returning id`,
    answers: { ...everybodyDenied, service: 1 },
  },
  {
    what: 'insert a job that is not pending',
    sql: (s) => `insert into track_archiving_jobs (track_id, user_id, status)
      values ('${s.track}', '${s.owner}', 'completed') returning id`,
    answers: { ...everybodyDenied, service: 'refused' },
  },
  {
    what: 'insert a job with columns of its own',
    sql: (s) => `insert into track_archiving_jobs (track_id, user_id, original_audio_url)
      values ('${s.failed}', '${s.owner}', 'https://x') returning id`,
    answers: { ...everybodyDenied, service: 1 },
  },
  {
    what: 'change a job',
    sql: (s) =>
      `update track_archiving_jobs set error_message = 'x' where id = '${s.job}' returning id`,
    answers: { ...everybodyDenied, service: 1 },
  },
  {
    what: 'reopen a failed job',
    sql: (s) =>
      `update track_archiving_jobs set status = 'pending' where id = '${s.job}' returning id`,
    answers: { ...everybodyDenied, service: 'refused' },
  },
  {
    what: 'delete a job',
    sql: (s) => `delete from track_archiving_jobs where id = '${s.job}' returning id`,
    answers: { ...everybodyDenied, service: 1 },
  },
  {
    what: 'read what became of files',
    sql: () => 'select * from track_archiving_files',
    answers: { anon: 'denied', owner: 3, another: 0, service: 3 },
  },
  {
    what: 'change what became of files',
    sql: () => "update track_archiving_files set storage_url = 'x', stored_at = now() returning 1",
    answers: { ...everybodyDenied, service: 3 },
  },
  {
    what: 'read the objects that nobody needs',
    sql: () => 'select * from track_archiving_leftovers',
    answers: { ...everybodyDenied, service: 0 },
  },
  {
    what: 'read the track',
    sql: (s) => `select * from tracks where id = '${s.track}'`,
    answers: { anon: 'denied', owner: 1, another: 0, service: 1 },
  },
  {
    what: 'change the title of the track',
    sql: (s) => `update tracks set title = 'new' where id = '${s.track}' returning id`,
    answers: { anon: 'denied', owner: 1, another: 0, service: 1 },
  },
  ...[
    'archived_to_storage = true',
    "storage_audio_url = 'x'",
    "storage_cover_url = 'x'",
    "storage_video_url = 'x'",
    'archive_scheduled_at = null',
    'archived_at = now()',
  ].map((change) => ({
    what: `set ${change} on the track`,
    sql: (s: Scene) => `update tracks set ${change} where id = '${s.track}' returning id`,
    answers: { anon: 'denied', owner: 'denied', another: 0, service: 1 } as const,
  })),
  ...[
    ['archived_to_storage', 'true'],
    ['storage_audio_url', "'x'"],
    ['storage_cover_url', "'x'"],
    ['storage_video_url', "'x'"],
    ['archive_scheduled_at', 'now()'],
    ['archived_at', 'now()'],
  ].map(([column, value]) => ({
    what: `insert a track with ${column} of its own`,
    sql: (s: Scene) => `insert into tracks (user_id, title, prompt, ${column})
      values ('${s.owner}', 'T', '', ${value}) returning id`,
    answers: { ...everybodyDenied, service: 1 } as const,
  })),
  {
    what: 'delete the track',
    sql: (s) => `delete from tracks where id = '${s.track}' returning id`,
    answers: { anon: 'denied', owner: 1, another: 0, service: 1 },
  },
  ...[
    'select * from track_archiving_policies limit 1',
    'select * from track_archiving_settings',
    'select * from archive_statistics',
    "update track_archiving_policies set allowed_hosts = '{evil.example}' where provider = '*' returning provider",
    "update track_archiving_settings set language = 'en' returning language",
    'select get_tracks_needing_archiving(1) is null limit 1',
  ].map((sql) => ({
    what: sql,
    sql: () => sql,
    answers: { ...everybodyDenied, service: sql.includes('get_tracks') ? 0 : 1 } as const,
  })),
  ...[
    "mark_track_archived($track, 'https://s')",
    'plan_track_archiving($track)',
    "claim_track_archiving($track, 60, 'w')",
    "confirm_track_schedule($job, now(), 'queue')",
    "store_track_asset($job, 1, 'audio', 'https://s', '{}')",
    'complete_track_archiving($job, 1)',
    "fail_track_archiving($job, 1, 'internal', '')",
    "release_track_archiving($job, 1, 'internal', '')",
    'get_archiving_states(array[$track::uuid])',
    "close_track_archiving($track, 'expired', '')",
    'open_missing_jobs(1)',
    'refresh_deadlines(1)',
    'audit_stored_files(1)',
    'adopt_tracks(1)',
    "forget_leftover('tracks-audio', 'x')",
    'get_archiving_backlog()',
    'compact_track_counts()',
    'check_track_notifications()',
    'take_stalled_tracks(10, 10, 5)',
    'archiver.clock()',
    'archiver.recount_tracks()',
    "archiver.object_of('x')",
  ].map((call) => ({
    what: `call ${call.split('(')[0]}`,
    sql: (s: Scene) =>
      `select ${call.replace('$track', `'${s.track}'`).replace('$job', `'${s.job}'`)}`,
    answers: { ...everybodyDenied, service: 1 } as const,
  })),
  {
    what: 'read the notifications',
    sql: () => 'select * from notifications',
    answers: { anon: 'denied', owner: 1, another: 0, service: 1 },
  },
  {
    what: 'mark the notifications as read',
    sql: () => 'update notifications set read = true returning id',
    answers: { anon: 'denied', owner: 1, another: 0, service: 1 },
  },
  {
    what: 'rewrite a notification',
    sql: () => "update notifications set message = 'x' returning id",
    answers: { ...everybodyDenied, service: 1 },
  },
  {
    what: 'write a notification',
    sql: (s) => `insert into notifications (user_id, type, title, message)
      values ('${s.owner}', 'info', 'T', 'M') returning id`,
    answers: { ...everybodyDenied, service: 1 },
  },
  ...storageTable,
];
