import '../../../lambdas/young-generation.ts';
import { randomUUID } from 'node:crypto';
import type { Context } from 'aws-lambda';
import { createProvider } from '../../../adapters/provider/provider.ts';
import { createDatabaseClient } from '../../../adapters/supabase/client.ts';
import { createSmallFetch } from '../../../adapters/supabase/fetch.ts';
import { createStorage } from '../../../adapters/supabase/storage.ts';
import { createTracks } from '../../../adapters/supabase/tracks.ts';
import { createTelemetry } from '../../../adapters/telemetry.ts';
import { archiveTrack } from '../../../app/archive-track.ts';
import { startBudget } from '../../../app/budget.ts';
import { timings } from '../../../core/timings.ts';
import { type Ground, supabaseUrl } from '../ground.ts';
import { serveLane } from '../lane.ts';

/** The real adapters; the guard resolves every host to the ground's provider and leaves TLS out. */
function wire(ground: Ground) {
  const access = { supabaseUrl: supabaseUrl(ground), supabaseKey: 'sb_secret_bench' };
  const supabase = {
    tracks: createTracks(createDatabaseClient(access, createSmallFetch()), access.supabaseUrl),
    storage: createStorage(access),
  };
  return {
    supabase: async () => supabase,
    provider: createProvider({
      timeout: 30_000,
      network: {
        lookup: (_host, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]),
        isPublic: () => true,
        port: ground.providerPort,
        protocol: 'http:',
      },
    }),
    telemetry: createTelemetry('bench'),
    worker: 'bench',
    retry: { random: Math.random, baseDelay: 5000 },
  };
}

/** The archive Lambda's use case, as it is deployed: an invocation for the tracks of one batch. */
serveLane((ground) => {
  const dependencies = wire(ground);
  return async (trackIds) => {
    const budget = startBudget(timings.archiveTimeout * 1000);
    const context = { awsRequestId: randomUUID(), functionName: 'bench' } as Context;
    const outcomes = await dependencies.telemetry.invocation(context, () =>
      Promise.all(trackIds.map((id) => archiveTrack(id, dependencies, budget))),
    );
    budget.end();
    for (const outcome of outcomes) {
      if (outcome.outcome !== 'archived') throw new Error(JSON.stringify(outcome));
    }
  };
});
