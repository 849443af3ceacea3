import { request } from 'undici';

export interface ProbeResponse {
  status: number;
  /** The Date header: the clock of whoever responded. */
  date: Date | undefined;
}

/** Posts an unsigned webhook, as a stranger would. Rejects where nobody answers. */
export async function postUnsigned(url: string): Promise<ProbeResponse> {
  const { statusCode, headers, body } = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
    headersTimeout: 15_000,
    bodyTimeout: 15_000,
  });
  await body.dump();
  const date = typeof headers.date === 'string' ? new Date(headers.date) : undefined;
  return { status: statusCode, date };
}
