import type { WebhookResponse } from '../../adapters/database/test-webhook.ts';
import type { WebhookSettings } from '../../adapters/database/vault.ts';
import type { ProbeResponse } from '../../adapters/endpoint.ts';
import { checkResponse } from './connect.ts';
import type { Check } from './doctor.ts';

export interface Way {
  webhookUrl: string;
  archiveTracksUrl: string | undefined;
  vault: () => Promise<WebhookSettings>;
  postUnsigned: (url: string) => Promise<ProbeResponse>;
  sendTestWebhook: () => Promise<WebhookResponse>;
  readClocks: () => Promise<{ own: Date; archiver: Date }>;
  now: () => Date;
}

/** Seconds; webhooks are refused from an hour on, and Scheduler is precise to a minute. */
const maxSkew = 60;

/** What must be right on the way from the database to AWS. */
export function wayChecks(way: Way): Check[] {
  let response: ProbeResponse | undefined;
  return [
    {
      name: 'Vault has the endpoint’s address',
      fix: 'npm run connect',
      async run() {
        const { url } = await way.vault();
        if (url === way.webhookUrl) return { ok: true, detail: url };
        return { ok: false, detail: `it has ${url ?? 'none'}, the stack ${way.webhookUrl}` };
      },
    },
    {
      name: 'the endpoint is reachable',
      fix: 'check the enqueue Lambda and its function URL in AWS',
      async run() {
        response = await way.postUnsigned(way.webhookUrl);
        return { ok: response.status < 500, detail: `answered ${response.status}` };
      },
    },
    {
      name: 'an unsigned webhook is refused',
      fix: 'is this our endpoint? Look at the log of the enqueue Lambda; deploy it again',
      async run() {
        response ??= await way.postUnsigned(way.webhookUrl);
        return { ok: response.status === 401, detail: `answered ${response.status}` };
      },
    },
    {
      name: 'a signed webhook is accepted',
      fix: 'after a 401 wait five minutes (secrets are cached) and run npm run connect; after a 500 see the log of the enqueue Lambda: is the Supabase key right?',
      run: async () => checkResponse(await way.sendTestWebhook()),
    },
    {
      name: 'archive-tracks asks for the key',
      fix: 'deploy the stack again, npm run deploy; after a 5xx see the log of the archive-tracks Lambda',
      async run() {
        const url = way.archiveTracksUrl;
        if (url === undefined) return { ok: false, detail: 'the stack has no archive-tracks yet' };
        const { status } = await way.postUnsigned(url);
        return { ok: status === 401, detail: `answered ${status} to a request without one` };
      },
    },
    {
      name: 'clocks agree',
      fix: 'set the clock that is wrong; AWS’s is right',
      async run() {
        const before = way.now().getTime();
        const clocks = await way.readClocks();
        const here = (before + way.now().getTime()) / 2;
        const aws = (await way.postUnsigned(way.webhookUrl)).date;
        const skews = Object.entries({
          'the database': (clocks.own.getTime() - here) / 1000,
          'archiver.clock()': (clocks.archiver.getTime() - here) / 1000,
          ...(aws === undefined ? {} : { AWS: (aws.getTime() - way.now().getTime()) / 1000 }),
        });
        const seconds = skews.map(([, skew]) => skew).concat(0);
        const spread = Math.max(...seconds) - Math.min(...seconds);
        const detail = skews.map(([who, skew]) => `${who} ${skew.toFixed(1)} s`).join(', ');
        return {
          ok: spread <= maxSkew && aws !== undefined,
          detail:
            aws === undefined ? `${detail}; AWS sent no time` : `${detail} against this machine`,
        };
      },
    },
  ];
}
