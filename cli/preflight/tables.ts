import type { Reader } from '../../adapters/database/reader.ts';

/** A table of the app, with the columns that may hold an address. */
export interface AppTable {
  /** Quoted where it must be. */
  name: string;
  columns: string[];
  /** All rows are seen. */
  isReadable: boolean;
}

/** Schemas of Supabase's services and of ours. */
const others = [
  'information_schema',
  'archiver',
  'auth',
  'storage',
  'vault',
  'net',
  'cron',
  'extensions',
  'realtime',
  '_realtime',
  '_analytics',
  'graphql',
  'graphql_public',
  'pgbouncer',
  'pgsodium',
  'pgsodium_masks',
  'pgtle',
  'pgmq',
  'supabase_functions',
  'supabase_migrations',
  'tiger',
  'topology',
];

const own = [
  'audio_url',
  'cover_url',
  'video_url',
  'storage_audio_url',
  'storage_cover_url',
  'storage_video_url',
];

/** Every table with a column of text or JSON, but for the columns of tracks that are archived. */
export const readAppTables = (read: Reader): Promise<AppTable[]> =>
  read<AppTable>(
    `select format('%I.%I', n.nspname, c.relname) as name,
       array_agg(quote_ident(a.attname) order by a.attnum) as columns,
       bool_and(has_column_privilege(c.oid, a.attnum, 'select')) and not row_security_active(c.oid)
         and has_schema_privilege(n.oid, 'usage') as "isReadable"
     from pg_class as c
     join pg_namespace as n on n.oid = c.relnamespace
     join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     join pg_type as t on t.oid = a.atttypid
     where c.relkind in ('r', 'p', 'm') and not c.relispartition
       and n.nspname !~ '^pg_' and n.nspname <> all ($1)
       and not (n.nspname = 'public' and c.relname ~ '^track_archiving_')
       and not (n.nspname = 'public' and c.relname = 'tracks' and a.attname = any ($2))
       and (coalesce(nullif(t.typbasetype, 0), t.oid)::regtype::text = any ($3) or t.typname = 'citext')
       and not exists (select from pg_depend as d
         where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     group by n.nspname, c.relname, c.oid, n.oid order by 1`,
    [
      others,
      own,
      [
        'text',
        'character varying',
        'character',
        'json',
        'jsonb',
        'text[]',
        'character varying[]',
        'json[]',
        'jsonb[]',
      ],
    ],
  );
