import type { Database } from './connection.ts';

/** A host that tracks wait to be fetched from, and that the policy of their provider does not allow. */
export interface UnlistedHost {
  /** As the tracks name it; null: they name none. */
  provider: string | null;
  host: string;
  tracks: number;
  /** Of the first of these tracks. */
  expiresAt: Date;
}

/** The most urgent first. Redirects are not followed: where they lead is known when a track is archived. */
export async function readUnlistedHosts(
  database: Database,
  limit: number,
): Promise<UnlistedHost[]> {
  const { rows } = await database.query<UnlistedHost>(
    `select t.provider::text, source.host, count(distinct t.id)::int as tracks,
       min(timing.expires_at) as "expiresAt"
     from public.tracks as t
     cross join lateral archiver.track_timing(t.provider::text, t.created_at, t.metadata) as timing
     cross join lateral (
       select distinct lower(substring(btrim(url) from '^https?://([^/?#:@]+)(?::\\d+)?(?:[/?#]|$)')) as host
       from unnest(array[t.audio_url, t.cover_url, t.video_url]) as url
       where url !~ '/storage/v1/[^?#]*/tracks-(audio|covers|videos)/'
     ) as source
     where t.status = 'completed' and t.archived_to_storage is not true
       and timing.expires_at > archiver.clock() and source.host is not null
       and not exists (
         select from unnest(timing.allowed_hosts) as allowed
         where source.host = allowed
           or allowed like '*.%' and right(source.host, length(allowed) - 1) = substr(allowed, 2))
     group by 1, 2 order by 4, 1, 2 limit $1`,
    [limit],
  );
  return rows;
}
