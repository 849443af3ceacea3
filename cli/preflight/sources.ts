import type { Column } from '../../adapters/database/app-shape.ts';
import type { Reader } from '../../adapters/database/reader.ts';
import type { Sample } from '../../adapters/database/sample.ts';
import { column, scaled } from './track-groups.ts';

/** Addresses in one column of tracks that are alike. */
export interface Source {
  status: string | null;
  provider: string | null;
  kind: 'audio' | 'cover' | 'video';
  /** Null: it is no address that is ever fetched. */
  host: string | null;
  /** It is in Supabase Storage, of this project or behind a domain of the app. */
  isOwn: boolean;
  /** Of those in Storage: its catalogue has no such object. */
  isMissing: boolean;
  /** The address carries its own expiry. */
  expires: boolean;
  files: number;
  /** One of them. */
  example: string;
}

const expiry =
  '[?&](X-Amz-Expires|X-Goog-Expires|X-Oss-Expires|X-Tos-Expires|Expires|se|exp|expires)=';

export async function readSources(
  read: Reader,
  columns: Column[],
  { clause, share }: Sample,
): Promise<Source[]> {
  const kinds = ['audio', 'cover', 'video']
    .map((kind) => `('${kind}', btrim(${column(columns, `${kind}_url`, 'text')}, E' \\t\\r\\n'))`)
    .join(', ');
  const rows = await read<Source>(
    `select left(${column(columns, 'status', 'text')}, 100) as status,
       left(${column(columns, 'provider', 'text')}, 100) as provider, f.kind,
       lower(left(substring(f.url from '^https://([a-zA-Z0-9-]+(?:\\.[a-zA-Z0-9-]+)+)(?:[/?#]|$)'), 253)) as host,
       own.parts is not null as "isOwn",
       own.parts is not null and not exists (select from storage.objects as o
         where o.bucket_id = own.parts[1] and o.name = own.parts[2]
           and o.name collate "C" = own.parts[2]) as "isMissing",
       f.url ~* '${expiry}' as expires,
       count(*)::float8 as files, left(min(f.url), 200) as example
     from public.tracks as t${clause}
     cross join lateral (values ${kinds}) as f (kind, url)
     cross join lateral (select regexp_match(f.url,
       '^https?://[^/?#]+/storage/v1/object/(?:public|sign|authenticated)/([^/?#]+)/([^?#]+)') as parts) as own
     where f.url <> ''
     group by 1, 2, 3, 4, 5, 6, 7 order by files desc limit 3000`,
    [],
    20,
  );
  return rows.map((row) => scaled(row, share));
}
