import { awsAccess } from '../stack/aws.ts';
import { names } from '../stack/aws-resources.ts';
import type { Stack } from '../stack.ts';
import type { Addresses } from './report.ts';

/** What runs, for looking around. Keys and passwords open this stack only: those of a given Supabase are not shown. */
export function addressesOf(stack: Stack): Addresses {
  const { supabase, aws, functions, provider } = stack;
  return {
    'Supabase URL': supabase.url,
    ...(supabase.publishableKey === undefined
      ? {}
      : {
          'Supabase secret key': supabase.secretKey,
          'Supabase publishable key': supabase.publishableKey,
          'Postgres (psql)': supabase.databaseUrl,
        }),
    AWS_ENDPOINT_URL: aws.endpoint.url,
    'Archive queue': aws.queues.archive.url,
    'Dead-letter queue': aws.queues.deadLetter.url,
    'Command for failed tracks': commandLine(stack),
    'Enqueue function URL': functions.functionUrl,
    'archive-tracks URL': functions.archiveTracksUrl,
    'Webhook secret': stack.webhookSecret,
    // Days ahead of the machine's own after the story; timestamps of webhooks are held against it.
    'Clock (archiver.clock())': new Date(stack.clock.now()).toISOString(),
    'Demo provider': `https://${provider.address} (${provider.hosts.join(', ')})`,
  };
}

/** The operator's command with all that it needs to work on this stack, for a shell. */
function commandLine({ aws }: Stack): string {
  const environment = {
    AWS_ENDPOINT_URL: aws.endpoint.url,
    ...awsAccess,
    ARCHIVE_QUEUE_URL: aws.queues.archive.url,
    DEAD_LETTER_QUEUE_URL: aws.queues.deadLetter.url,
    SCHEDULE_DEAD_LETTER_ARN: aws.queues.scheduleDeadLetter.arn,
    SECRET_ID: names.secret,
  };
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return `${settings.join(' ')} npx track-archiver dlq list`;
}
