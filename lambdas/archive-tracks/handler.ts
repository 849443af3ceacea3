import '../archive/young-generation.ts';
import type { Context, LambdaFunctionURLEvent, LambdaFunctionURLResult } from 'aws-lambda';
import { createTelemetry } from '../../adapters/telemetry.ts';
import { archiveEnvironment, parseConfiguration } from '../../core/environment.ts';
import { timings } from '../../core/timings.ts';
import { startBudget } from '../archive/budget.ts';
import { wireArchiver } from '../archive/wire.ts';
import { respond } from '../function-url.ts';
import { archiveTracks } from './archive-tracks.ts';
import { isService, parseRequest, shownKey } from './request.ts';

const environment = parseConfiguration(
  "The archive-tracks Lambda's environment",
  archiveEnvironment,
  process.env,
);
const telemetry = createTelemetry(environment.POWERTOOLS_SERVICE_NAME);
const { archive, readSecret, tracks, queue, send } = wireArchiver(environment, telemetry);

const refuse = (statusCode: number, error: string) => {
  telemetry.log.warn('Request refused', { status: statusCode, error });
  return respond(statusCode, { success: false, error });
};

export const handler = (
  event: LambdaFunctionURLEvent,
  context: Context,
): Promise<LambdaFunctionURLResult> =>
  telemetry.invocation(context, async () => {
    const shown = shownKey(event);
    if (shown === undefined) return refuse(401, 'The service role key is missing');
    const budget = startBudget(context.getRemainingTimeInMillis() - timings.reportReserve * 1000);
    try {
      if (!isService(shown, (await readSecret()).supabaseKey)) {
        return refuse(401, 'The key is not the service role key');
      }
      if (event.requestContext.http.method !== 'POST') return refuse(405, 'Only POST is served');
      const request = parseRequest(event);
      if (typeof request === 'string') return refuse(400, request);
      const dependencies = {
        archive: (trackId: string) => archive(trackId, context.awsRequestId, budget),
        tracks: await tracks(),
        queue,
        send,
        telemetry,
      };
      return respond(200, await archiveTracks(request, dependencies, budget));
    } catch (error) {
      telemetry.log.error('Request failed', { error });
      return respond(500, { success: false, error: 'The tracks could not be archived; try again' });
    } finally {
      budget.end();
    }
  });
