import type { Stack } from '../stack.ts';
import type { Addresses } from './report.ts';

/** What runs, for looking around. The keys open this stack only, unless it is a given one. */
export function addressesOf(stack: Stack): Addresses {
  const { supabase, aws, functions, provider } = stack;
  return {
    'Supabase URL': supabase.url,
    'Supabase secret key': supabase.secretKey,
    ...(supabase.publishableKey === undefined
      ? {}
      : { 'Supabase publishable key': supabase.publishableKey }),
    'Postgres (psql)': supabase.databaseUrl,
    AWS_ENDPOINT_URL: aws.endpoint.url,
    'Archive queue': aws.queues.archive.url,
    'Dead-letter queue': aws.queues.deadLetter.url,
    'Enqueue function URL': functions.functionUrl,
    'archive-tracks URL': functions.archiveTracksUrl,
    'Webhook secret': stack.webhookSecret,
    // Days ahead of the machine's own after the story; timestamps of webhooks are held against it.
    'Clock (archiver.clock())': new Date(stack.clock.now()).toISOString(),
    'Demo provider': `https://${provider.address} (${provider.hosts.join(', ')})`,
  };
}
