import { sameText } from '../core/same-text.ts';
import { type ArchiveTracksDependencies, archiveTracks } from './archive-on-request.ts';
import type { Budget } from './budget.ts';
import type { EndpointRequest, EndpointResponse } from './endpoint.ts';
import { parseArchiveRequest } from './parse-archive-request.ts';

export interface ReceiveArchiveRequestDependencies
  extends Omit<ArchiveTracksDependencies, 'tracks'> {
  readServiceKey: () => Promise<string>;
  tracks: () => Promise<ArchiveTracksDependencies['tracks']>;
}

/** Answers a request of whoever has the service's own key: this endpoint is not for the frontend. */
export async function receiveArchiveRequest(
  { method, headers, body }: EndpointRequest,
  dependencies: ReceiveArchiveRequestDependencies,
  budget: Pick<Budget, 'signal'>,
): Promise<EndpointResponse> {
  const { telemetry } = dependencies;
  const refuse = (status: number, error: string): EndpointResponse => {
    telemetry.log.warn('Request refused', { status, error });
    return { status, body: { success: false, error } };
  };

  const given = bearerToken(headers);
  if (given === undefined) return refuse(401, 'The service role key is missing');
  try {
    if (!sameText(given, await dependencies.readServiceKey())) {
      return refuse(401, 'The key is not the service role key');
    }
    if (method !== 'POST') return refuse(405, 'Only POST is served');
    const request = parseArchiveRequest(body ?? '');
    if (typeof request === 'string') return refuse(400, request);
    const tracks = await dependencies.tracks();
    return { status: 200, body: await archiveTracks(request, { ...dependencies, tracks }, budget) };
  } catch (error) {
    telemetry.log.error('Request failed', { error });
    const body = { success: false, error: 'The tracks could not be archived; try again' };
    return { status: 500, body };
  }
}

/** As `Authorization: Bearer …` or `apikey`. */
function bearerToken({ authorization = '', apikey }: EndpointRequest['headers']) {
  return /^Bearer (.+)$/i.exec(authorization)?.[1] ?? (apikey || undefined);
}
