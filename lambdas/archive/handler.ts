import '../young-generation.ts';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { createTelemetry } from '../../adapters/telemetry.ts';
import { startBudget } from '../../app/budget.ts';
import { processBatch } from '../../app/process-batch.ts';
import { settleMessage } from '../../app/settle-message.ts';
import { archiveEnvironment, parseConfiguration } from '../../core/environment.ts';
import { timings } from '../../core/timings.ts';
import { wireArchiver } from '../wire-archiver.ts';

const environment = parseConfiguration(
  "The archive Lambda's environment",
  archiveEnvironment,
  process.env,
);
const telemetry = createTelemetry(environment.POWERTOOLS_SERVICE_NAME);
const { archive, tracks, queue } = wireArchiver(environment, telemetry);

export const handler = (event: SQSEvent, context: Context): Promise<SQSBatchResponse> =>
  telemetry.invocation(context, async () => {
    const budget = startBudget(context.getRemainingTimeInMillis() - timings.reportReserve * 1000);
    try {
      return await processBatch(event, {
        queue,
        telemetry,
        settle: (record) =>
          settleMessage(record, {
            archive: (trackId) => archive(trackId, context.awsRequestId, budget),
            tracks,
            queue,
            telemetry,
            now: () => new Date(),
          }),
      });
    } finally {
      budget.end();
    }
  });
