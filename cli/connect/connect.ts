import type { WebhookResponse } from '../../adapters/database/test-webhook.ts';
import { describeError } from '../../core/describe-error.ts';
import type { Step } from './steps.ts';

export interface Line {
  /** `would`: in a dry run. `skipped`: it was done already, or something before it failed. */
  outcome: 'done' | 'would' | 'skipped' | 'failed';
  title: string;
  detail?: string;
  /** What PostgreSQL said meanwhile. */
  notices?: string[];
}

export interface ConnectReport {
  ok: boolean;
  lines: Line[];
}

interface ConnectDependencies {
  steps: Step[];
  isDryRun: boolean;
  sendTestWebhook: () => Promise<WebhookResponse>;
  /** What PostgreSQL has said since it was last asked. */
  takeNotices?: () => string[];
  onLine?: (line: Line) => void;
}

const testTitle = 'send a signed test webhook, from the database, for a track that does not exist';

/** Does the steps one after the other, then tries the whole way; stops at the first that fails. */
export async function connect(dependencies: ConnectDependencies): Promise<ConnectReport> {
  const {
    steps,
    isDryRun,
    sendTestWebhook,
    takeNotices = () => [],
    onLine = () => {},
  } = dependencies;
  const lines: Line[] = [];
  const say = (step: Line) => {
    const notices = takeNotices();
    const line = { ...step, ...(notices.length === 0 ? {} : { notices }) };
    lines.push(line);
    onLine(line);
  };
  const work = [...steps, { title: testTitle, run: () => tryWebhook(sendTestWebhook) }];
  let hasFailed = false;
  for (const { title, run } of work) {
    if (isDryRun) say({ outcome: 'would', title });
    else if (hasFailed) say({ outcome: 'skipped', title });
    else {
      try {
        const result = await run();
        if (result === false) say({ outcome: 'skipped', title, detail: 'done already' });
        else
          say({
            outcome: 'done',
            title,
            ...(typeof result === 'string' ? { detail: result } : {}),
          });
      } catch (error) {
        hasFailed = true;
        say({ outcome: 'failed', title, detail: describeError(error) });
      }
    }
  }
  return { ok: !hasFailed, lines };
}

async function tryWebhook(send: ConnectDependencies['sendTestWebhook']): Promise<string> {
  const { ok, detail } = checkResponse(await send());
  if (!ok) throw new Error(`${detail}; npm run connect -- --check shows more`);
  return detail;
}

/** Whether the endpoint understood the test webhook: it looked the track up and found none. */
export function checkResponse({ status, content, error }: WebhookResponse): {
  ok: boolean;
  detail: string;
} {
  if (status === undefined) return { ok: false, detail: `no response: ${error}` };
  const ok = status === 200 && /"action":"(cancelled|ignored)"/.test(content);
  return { ok, detail: `answered ${status} ${content.slice(0, 200)}` };
}
