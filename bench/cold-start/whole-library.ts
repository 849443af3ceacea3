import { createClient } from '@supabase/supabase-js';

interface Options {
  headers: { apikey: string; 'user-agent': string };
  fetch: typeof globalThis.fetch;
}

/** Takes the place of postgrest-js's class in a bundle: the whole client, set up for a server. */
export function PostgrestClient(url: string, { headers, fetch }: Options) {
  return createClient(new URL(url).origin, headers.apikey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    db: { retry: false },
    global: { fetch, headers: { 'user-agent': headers['user-agent'] } },
  });
}
