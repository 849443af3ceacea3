import { type Gateway, startGateway } from '../../../local/supabase/gateway.ts';
import { claim, service } from '../../migrations/app.ts';
import type { Cleanup } from '../../support/cleanup.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { type DlqWorld, startDlqWorld } from './world.ts';

export interface Listed extends DlqWorld {
  database: TestDatabase;
  gateway: Gateway;
}

/** With a database, whose key is in the stack's secret. */
export async function startListed(t: Cleanup): Promise<Listed> {
  const database = await testDatabase(t);
  const gateway = await startGateway({
    databaseUrl: database.apiUrl,
    storageDirectory: '/nonexistent',
  });
  t.onTestFinished(() => gateway.stop());
  const world = await startDlqWorld(t);
  world.secrets['track-archiver'] = JSON.stringify({
    supabaseUrl: gateway.url,
    supabaseKey: gateway.keys.secret,
    webhookSecrets: ['whsec_b25lIHNlY3JldCBvZiAyNCBieXRl'],
  });
  return { ...world, database, gateway };
}

export const fromSecret = { SECRET_ID: 'track-archiver' };

export async function failTrack({ database }: Listed, track: string, code: string): Promise<void> {
  const { job_id, fencing_token } = await claim(database, track);
  await service(database)('select fail_track_archiving($1, $2, $3, $4)', [
    job_id,
    fencing_token,
    code,
    `because of ${code}`,
  ]);
}
