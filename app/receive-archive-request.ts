import { constantTimeEqual } from '../core/constant-time-equal.ts';
import { type ArchiveOnRequestDependencies, archiveOnRequest } from './archive-on-request.ts';
import type { Budget } from './budget.ts';
import type { EndpointRequest, EndpointResponse } from './endpoint.ts';
import { parseArchiveRequest } from './parse-archive-request.ts';

export interface ReceiveArchiveRequestDependencies extends ArchiveOnRequestDependencies {
  readServiceKey: () => Promise<string>;
}

/** Responds to a request of whoever has the service's own key: this endpoint is not for the frontend. */
export async function receiveArchiveRequest(
  { method, headers, body }: EndpointRequest,
  dependencies: ReceiveArchiveRequestDependencies,
  budget: Budget,
): Promise<EndpointResponse> {
  const { telemetry } = dependencies;
  const refuse = (status: number, error: string): EndpointResponse => {
    telemetry.log.warn('Request refused', { status, error });
    return { status, body: { success: false, error } };
  };

  const token = bearerToken(headers);
  if (token === undefined) return refuse(401, 'The service role key is missing');
  try {
    if (!constantTimeEqual(token, await dependencies.readServiceKey())) {
      return refuse(401, 'The key is not the service role key');
    }
    if (method !== 'POST') return refuse(405, 'Only POST is served');
    const request = parseArchiveRequest(body ?? '');
    if (typeof request === 'string') return refuse(400, request);
    return { status: 200, body: await archiveOnRequest(request, dependencies, budget) };
  } catch (error) {
    telemetry.log.error('Request failed', { error });
    const body = { success: false, error: 'The tracks could not be archived; try again' };
    return { status: 500, body };
  }
}

/** Of `Authorization: Bearer …`, or `apikey`. */
function bearerToken({
  authorization = '',
  apikey,
}: EndpointRequest['headers']): string | undefined {
  return /^Bearer (.+)$/i.exec(authorization)?.[1] ?? (apikey || undefined);
}
