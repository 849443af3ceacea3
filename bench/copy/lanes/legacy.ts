import { createClient } from '@supabase/supabase-js';
import { kindsOf, sourceUrl, supabaseUrl } from '../ground.ts';
import { serveLane } from '../lane.ts';

/**
 * The Edge Function that the archiver replaces: one track after another, one file after another, each
 * fetched whole into memory and uploaded with supabase-js. Its database calls and the waits between its
 * retries are left out.
 */
serveLane((ground) => {
  const { storage } = createClient(supabaseUrl(ground), 'sb_secret_bench');
  return async (trackIds) => {
    for (const id of trackIds) {
      for (const kind of kindsOf(ground.files)) {
        const response = await fetch(sourceUrl(ground, kind));
        const file = await response.arrayBuffer();
        const { error } = await storage.from(kind).upload(id, file, { upsert: true });
        if (error !== null) throw error;
      }
    }
  };
});
