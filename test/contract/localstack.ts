import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, type Server, startServer } from '../support/server.ts';
import { documents } from './aws-documents.ts';
import type { Difference } from './compare.ts';
import type { Peer } from './peer.ts';

/** LocalStack 4.9.0, which is listed and pinned in `.ci/localstack-requirements.txt`. */
const differences: readonly Difference[] = [
  {
    test: 'EventBridge Scheduler > a due schedule sends its input to the queue, once, and deletes itself',
    answer: 'Keeps schedules and never fires one.',
    failure: /the arrival of the schedule did not hold/,
    ...documents.precision,
  },
  {
    test: 'EventBridge Scheduler > an updated schedule fires at its new time only',
    answer: 'Keeps schedules and never fires one.',
    failure: /the arrival of the schedule did not hold/,
    ...documents.precision,
  },
  {
    test: 'EventBridge Scheduler > a request that is repeated with its client token makes no second schedule',
    answer: 'Reads no client token: the repeated request is a conflict.',
    failure: /^ConflictException: Schedule track-1 already exists/,
    ...documents.clientToken,
  },
  {
    test: 'EventBridge Scheduler > a name with a space is a ValidationException',
    answer: 'Takes every name.',
    failure: /Missing expected rejection/,
    ...documents.scheduleName,
  },
  {
    test: 'EventBridge Scheduler > a name of more than 64 characters is a ValidationException',
    answer: 'Takes every name.',
    failure: /Missing expected rejection/,
    ...documents.scheduleName,
  },
  {
    test: 'EventBridge Scheduler > a window of more than a day is a ValidationException',
    answer: 'Takes every window.',
    failure: /Missing expected rejection/,
    ...documents.flexibleWindow,
  },
  {
    test: 'EventBridge Scheduler > a schedule group is made once',
    answer: 'Replaces the group, and forgets its schedules.',
    failure: /Missing expected rejection/,
    ...documents.groupConflict,
  },
  {
    test: 'EventBridge Scheduler > a schedule needs its group',
    answer: 'Answers with an internal error (500).',
    failure: /InternalError/,
    ...documents.groupMissing,
  },
  {
    test: 'SQS queues and refusals > a visibility timeout of more than twelve hours is InvalidAttributeValue',
    answer: 'Takes every number.',
    failure: /Missing expected rejection/,
    ...documents.visibilityTimeout,
  },
  {
    test: 'SQS queues and refusals > a dead-letter queue that is not there is refused',
    answer: 'Takes every ARN.',
    failure: /Missing expected rejection/,
    ...documents.deadLetterQueue,
  },
  {
    test: 'SQS dead letters and move tasks > a moved message is a new one: its receives count from one again',
    answer: 'Counts on, with the receives of the dead-letter queue and of the move.',
    failure: /'3' !== '1'/,
    ...documents.redriven,
  },
  {
    test: 'SQS dead letters and move tasks > a moved message is a new one: it has another id',
    answer: 'Keeps the message id.',
    failure: /strictly unequal/,
    ...documents.redriven,
  },
  {
    test: 'SQS dead letters and move tasks > a message sent straight to the dead-letter queue does not find back by itself',
    answer: "Fails with the name of its own exception, 'AttributeError'.",
    failure: /'AttributeError'/,
    ...documents.messageSource,
  },
];

async function startLocalStack(directory: string): Promise<Server | undefined> {
  const file = join(import.meta.dirname, '../../.local/localstack-venv/bin/python');
  if (!existsSync(file)) return undefined;
  const port = await freePort();
  return startServer(directory, {
    name: 'localstack',
    file,
    parameters: ['-m', 'localstack.runtime.main'],
    environment: {
      SERVICES: 'sqs,scheduler,secretsmanager,sts',
      GATEWAY_LISTEN: `127.0.0.1:${port}`,
      // Its other server, twisted, ignores the host and listens on every interface.
      GATEWAY_SERVER: 'hypercorn',
      DNS_ADDRESS: '0',
      // Nothing goes out: neither usage data nor a request for a certificate.
      DISABLE_EVENTS: '1',
      SKIP_SSL_CERT_DOWNLOAD: '1',
      SQS_ENABLE_MESSAGE_RETENTION_PERIOD: '1',
    },
    port,
    health: '/_localstack/health',
    // After an installation its first start compiles.
    timeout: 120_000,
    // It keeps nothing, and behind hypercorn it does not end on SIGTERM.
    stopSignal: 'SIGKILL',
  });
}

export const localStack: Peer = {
  install: '.ci/install-localstack',
  schedulePatience: 10_000,
  start: startLocalStack,
  differences,
};
