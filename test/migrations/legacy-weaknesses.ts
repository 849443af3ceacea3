import type { TestDatabase } from '../support/database.ts';
import { sqlstate } from './app.ts';

/** Two users of an app, each with a completed track of 14 days ago, and an open job of the first one. */
export interface Scene {
  db: TestDatabase;
  victim: string;
  attacker: string;
  victimTrack: string;
  attackerTrack: string;
  victimJob: string;
}

/** A weakness of the legacy system; `isOpen` tries it and tells whether it succeeds. */
export interface Weakness {
  name: string;
  isOpen(scene: Scene): Promise<boolean>;
}

const succeeds = async (run: Promise<unknown[]>): Promise<boolean> => {
  const rows = run.then((result) => result.length);
  return (await sqlstate(rows)) === undefined && (await rows) > 0;
};

/** A statement as the attacker that should not succeed; success is that it returns a row. */
const asAttacker =
  (sql: string, values: (scene: Scene) => unknown[]) =>
  (scene: Scene): Promise<boolean> =>
    succeeds(scene.db.asUser(scene.attacker, (query) => query(sql, values(scene))));

export const weaknesses: Weakness[] = [
  {
    name: '4: any user lists the tracks of all',
    isOpen: asAttacker('select * from get_tracks_needing_archiving(10) where user_id = $1', (s) => [
      s.victim,
    ]),
  },
  {
    name: "4: any user marks somebody else's track as archived and points it elsewhere",
    isOpen: asAttacker("select mark_track_archived($1, 'https://attacker.example/a.mp3')", (s) => [
      s.victimTrack,
    ]),
  },
  {
    name: '5: anonymous visitors read the jobs of all users',
    isOpen: ({ db }) =>
      succeeds(db.as('anon', {}, (query) => query('select * from track_archiving_jobs'))),
  },
  {
    name: "5: a user reads another user's jobs",
    isOpen: asAttacker('select * from track_archiving_jobs where user_id = $1', (s) => [s.victim]),
  },
  {
    name: "5: a user changes another user's job",
    isOpen: asAttacker(
      "update track_archiving_jobs set status = 'failed' where id = $1 returning id",
      (s) => [s.victimJob],
    ),
  },
  {
    name: "5: a user deletes another user's job",
    isOpen: asAttacker('delete from track_archiving_jobs where id = $1 returning id', (s) => [
      s.victimJob,
    ]),
  },
  {
    name: "5: a user inserts a job for another user's track",
    isOpen: asAttacker(
      `insert into track_archiving_jobs (track_id, user_id, status) values ($1, $2, 'pending')
       returning id`,
      (s) => [s.victimTrack, s.attacker],
    ),
  },
  {
    name: '5: a user inserts a finished job with addresses of their own',
    isOpen: asAttacker(
      `insert into track_archiving_jobs (track_id, user_id, status, storage_audio_url, completed_at)
       values ($1, $2, 'completed', 'https://attacker.example/a.mp3', now()) returning id`,
      (s) => [s.attackerTrack, s.attacker],
    ),
  },
  {
    name: '6: a user marks their own track as archived',
    isOpen: asAttacker(
      "update tracks set archived_to_storage = true, storage_audio_url = 'x' where id = $1 returning id",
      (s) => [s.attackerTrack],
    ),
  },
  {
    name: '6: a user postpones the archiving of their own track for ever',
    isOpen: asAttacker(
      "update tracks set archive_scheduled_at = 'infinity' where id = $1 returning id",
      (s) => [s.attackerTrack],
    ),
  },
  {
    name: '6: a user inserts a track that claims to be archived',
    isOpen: asAttacker(
      `insert into tracks (user_id, title, prompt, status, archived_to_storage, storage_audio_url)
       values ($1, 'T', '', 'completed', true, 'https://attacker.example/a.mp3') returning id`,
      (s) => [s.attacker],
    ),
  },
  {
    name: '6: the archiver is told no hosts, so that users choose what it downloads',
    isOpen: async ({ db, attacker, attackerTrack }) => {
      await db.asUser(attacker, (query) =>
        query(
          "update tracks set audio_url = 'http://169.254.169.254/', provider = '*' where id = $1",
          [attackerTrack],
        ),
      );
      const told = await db.query("select * from pg_proc where proname = 'claim_track_archiving'");
      if (told.length === 0) return true;
      const [claimed] = await db.as('service_role', {}, (query) =>
        query("select * from claim_track_archiving($1, 60, 'w')", [attackerTrack]),
      );
      return claimed?.allowed_hosts.some((host: string) => '169.254.169.254'.endsWith(host));
    },
  },
  {
    name: '7: the statistics do not change when a track does',
    isOpen: async ({ db, attacker }) => {
      const expired = async () =>
        (await db.query('select expired_tracks from archive_statistics'))[0]?.expired_tracks;
      const before = await expired();
      await db.query(
        "update tracks set created_at = now() - interval '20 days' where user_id = $1",
        [attacker],
      );
      return (await expired()) === before;
    },
  },
  {
    name: '7: half a day to expiry counts as no day',
    isOpen: async ({ db, victimTrack }) => {
      await db.query(
        "update tracks set created_at = now() - interval '14 days 12 hours' where id = $1",
        [victimTrack],
      );
      const [row] = await db.query(
        'select days_until_expiry from get_tracks_needing_archiving(1000) where track_id = $1',
        [victimTrack],
      );
      return Number(row?.days_until_expiry) === 0;
    },
  },
  {
    name: 'the statistics are open to every user',
    isOpen: asAttacker('select * from archive_statistics', () => []),
  },
  {
    name: 'a track with a job cannot be deleted by its owner',
    isOpen: async ({ db, victim, victimTrack }) =>
      (await sqlstate(
        db.asUser(victim, (query) => query('delete from tracks where id = $1', [victimTrack])),
      )) === '23503',
  },
  {
    name: '2: a track whose upload failed counts as archived',
    isOpen: async ({ db }) =>
      succeeds(db.query("select id from tracks where title = 'Lost' and archived_to_storage")),
  },
];
