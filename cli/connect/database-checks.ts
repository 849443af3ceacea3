import type pg from 'pg';
import { isAdopting } from '../../adapters/database/adoption.ts';
import { readExtensions } from '../../adapters/database/extensions.ts';
import { checkNotifications, readTriggers } from '../../adapters/database/inventory.ts';
import { listMigrations, pendingMigrations } from '../../adapters/database/migrations.ts';
import { createReader } from '../../adapters/database/reader.ts';
import { readWorklistIndex } from '../../adapters/database/worklist-index.ts';
import { bucketCheck } from './bucket-check.ts';
import type { Check } from './doctor.ts';

const connectAgain = 'npm run connect -- --database-url …';

/** What must be right in the database itself. */
export function databaseChecks(client: pg.Client): Check[] {
  return [
    extensionCheck(client, 'pg_net', 'pg_net is there'),
    extensionCheck(client, 'supabase_vault', 'Vault is there'),
    {
      name: 'migrations are applied',
      fix: connectAgain,
      async run() {
        const pending = await pendingMigrations(client);
        if (pending.length === 0) return { ok: true, detail: `all ${listMigrations().length}` };
        return { ok: false, detail: `missing: ${pending.map(({ file }) => file).join(', ')}` };
      },
    },
    {
      name: 'triggers are enabled',
      fix: 'alter table public.tracks enable trigger <name>',
      async run() {
        const triggers = await readTriggers(client);
        const wrong = triggers.filter(({ state }) => state !== 'enabled');
        if (wrong.length === 0) return { ok: true, detail: `${triggers.length} on public.tracks` };
        const detail = wrong.map(({ name, state }) => `${name} is ${state}`).join(', ');
        const isMissing = wrong.some(({ state }) => state === 'missing');
        const fix =
          'delete from archiver.migrations (after supabase db push: supabase migration repair --status reverted …), then npm run connect';
        return { ok: false, detail, ...(isMissing ? { fix } : {}) };
      },
    },
    {
      name: 'the worklist index is there',
      fix: connectAgain,
      async run() {
        const state = await readWorklistIndex(client);
        return { ok: state === 'there' || state === 'being built', detail: state };
      },
    },
    bucketCheck(createReader(client)),
    {
      name: 'owners can be notified',
      fix: 'set failed_type, saved_type and the texts in public.track_archiving_settings to what public.notifications takes',
      async run() {
        const problem = await checkNotifications(client);
        return problem === undefined
          ? { ok: true, detail: 'public.notifications takes our rows' }
          : { ok: false, detail: problem };
      },
    },
    {
      name: 'tracks from before the installation are adopted',
      fix: connectAgain,
      async run() {
        return (await isAdopting(client))
          ? { ok: false, detail: 'some have no date yet, or are not counted' }
          : { ok: true, detail: 'all' };
      },
    },
  ];
}

const extensionCheck = (
  client: pg.Client,
  extension: 'pg_net' | 'supabase_vault',
  name: string,
): Check => ({
  name,
  fix: `create extension ${extension} (Supabase: Database → Extensions)`,
  async run() {
    const state = (await readExtensions(client)).find((each) => each.name === extension);
    if (state?.isThere) return { ok: true, detail: extension };
    return { ok: false, detail: `the functions of ${extension} are missing` };
  },
});
