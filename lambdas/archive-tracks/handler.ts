import '../young-generation.ts';
import type { Context, LambdaFunctionURLEvent, LambdaFunctionURLResult } from 'aws-lambda';
import { createTelemetry } from '../../adapters/telemetry.ts';
import { startBudget } from '../../app/budget.ts';
import { receiveArchiveRequest } from '../../app/receive-archive-request.ts';
import { archiveEnvironment, parseConfiguration } from '../../core/environment.ts';
import { timings } from '../../core/timings.ts';
import { requestOf, resultOf } from '../function-url.ts';
import { wireArchiver } from '../wire-archiver.ts';

const environment = parseConfiguration(
  'environment of the archive-tracks Lambda',
  archiveEnvironment,
  process.env,
);
const telemetry = createTelemetry(environment.POWERTOOLS_SERVICE_NAME);
const archiver = wireArchiver(environment, telemetry);

export const handler = (
  event: LambdaFunctionURLEvent,
  context: Context,
): Promise<LambdaFunctionURLResult> =>
  telemetry.invocation(context, async () => {
    const budget = startBudget(context.getRemainingTimeInMillis() - timings.reportReserve * 1000);
    try {
      const dependencies = { ...archiver, worker: context.awsRequestId };
      return resultOf(await receiveArchiveRequest(requestOf(event), dependencies, budget));
    } finally {
      budget.end();
    }
  });
