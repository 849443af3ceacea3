import '../young-generation.ts';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createTelemetry } from '../../adapters/telemetry.ts';
import { startBudget } from '../../app/budget.ts';
import { processBatch } from '../../app/process-batch.ts';
import { archiveEnvironment, parseConfiguration } from '../../core/environment.ts';
import { timings } from '../../core/timings.ts';
import { wireArchiver } from '../wire-archiver.ts';

const environment = parseConfiguration(
  'environment of the archive Lambda',
  archiveEnvironment,
  process.env,
);
const telemetry = createTelemetry(environment.POWERTOOLS_SERVICE_NAME);
const archiver = wireArchiver(environment, telemetry);

export const handler = (event: SQSEvent, context: Context): Promise<SQSBatchResponse> =>
  telemetry.invocation(context, async () => {
    const budget = startBudget(context.getRemainingTimeInMillis() - timings.reportReserve * 1000);
    try {
      const dependencies = { ...archiver, worker: context.awsRequestId, now: () => new Date() };
      return await processBatch(event, dependencies, budget);
    } finally {
      budget.end();
    }
  });
