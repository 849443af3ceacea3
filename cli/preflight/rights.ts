import type { Reader } from '../../adapters/database/reader.ts';
import { ConfigurationError } from '../../core/environment.ts';

/** Throws a ConfigurationError where what is counted would be wrong: no Supabase project, or a role that sees less. */
export async function requireRights(read: Reader): Promise<void> {
  const rows = await read<{ role: string; name: string; isThere: boolean; isSeen: boolean }>(
    `select current_user::text as role, wanted.name, c.oid is not null as "isThere",
       coalesce(has_schema_privilege(c.relnamespace, 'usage') and has_table_privilege(c.oid, 'select')
         and not row_security_active(c.oid), true) as "isSeen"
     from (values ('public', 'tracks'), ('storage', 'objects'), ('storage', 'buckets')) as wanted (schema, name)
     left join pg_namespace as n on n.nspname = wanted.schema
     left join pg_class as c on c.relnamespace = n.oid and c.relname = wanted.name`,
  );
  if (rows.some(({ name, isThere }) => name !== 'tracks' && !isThere)) {
    throw new ConfigurationError('The database has no Storage: is it a Supabase project?');
  }
  const hidden = rows.find(({ isSeen }) => !isSeen);
  if (hidden !== undefined) {
    throw new ConfigurationError(
      `The role ${hidden.role} does not see every row of ${hidden.name}: use the address with the role postgres`,
    );
  }
}
