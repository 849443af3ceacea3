import { migrationPart } from './migration-part.ts';
import type { Reader } from './reader.ts';

export interface Policy {
  provider: string;
  /** Seconds. */
  retention: number;
  /** Seconds. */
  archiveAfter: number;
  allowedHosts: string[];
}

const columns = `provider, extract(epoch from retention)::float8 as retention,
  extract(epoch from archive_after)::float8 as "archiveAfter", allowed_hosts as "allowedHosts"`;

/** The policies of the database, or, before the installation, those that it would begin with. */
export async function readPolicies(read: Reader, isInstalled: boolean): Promise<Policy[]> {
  if (isInstalled) return read<Policy>(`select ${columns} from public.track_archiving_policies`);
  const insert = 'insert into public.track_archiving_policies (';
  const names = 'provider, retention, archive_after, allowed_hosts)';
  const end = 'on conflict (provider) do nothing';
  const values = migrationPart('settings', `${insert}${names} values`, end);
  const others = migrationPart('settings', `${insert}${names}\n`, end).replace(
    'public.track_archiving_policies',
    'named',
  );
  return read<Policy>(
    `with named as (
       select provider, retention::interval, archive_after::interval, allowed_hosts::text[]
       from (values ${values}) as p (${names}
     ), every (${names} as (
       select * from named union all
       select provider, retention::interval, archive_after::interval, allowed_hosts from (${others}) as p (${names}
     )
     select ${columns} from every`,
  );
}
