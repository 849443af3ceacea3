import { startMiniStack } from '../deploy/emulator.ts';
import { documents } from './aws-documents.ts';
import type { Difference } from './compare.ts';
import type { Peer } from './peer.ts';

/** MiniStack 1.5.33, which `.ci/install-ministack` pins. */
const differences: readonly Difference[] = [
  {
    test: 'EventBridge Scheduler > a request that is repeated with its client token makes no second schedule',
    answer: 'Reads no client token: the repeated request is a conflict.',
    failure: /^ConflictException: Schedule track-1 already exists/,
    ...documents.clientToken,
  },
  {
    test: 'EventBridge Scheduler > schedules are listed by prefix, page by page, in no order that AWS tells',
    answer: 'Answers with the first page for every token.',
    failure: /\+ {3}'track-a'/,
    ...documents.nextToken,
  },
  {
    test: 'EventBridge Scheduler > a name of more than 64 characters is a ValidationException',
    answer: 'Takes a name of any length.',
    failure: /Missing expected rejection/,
    ...documents.scheduleName,
  },
  {
    test: 'EventBridge Scheduler > an expression without a time is a ValidationException',
    answer: 'Takes every expression.',
    failure: /Missing expected rejection/,
    ...documents.expression,
  },
  {
    test: 'EventBridge Scheduler > a window of more than a day is a ValidationException',
    answer: 'Takes every window.',
    failure: /Missing expected rejection/,
    ...documents.flexibleWindow,
  },
  {
    test: 'SQS queues and refusals > an attribute that queues do not have is InvalidAttributeName',
    answer: 'Takes every attribute.',
    failure: /Missing expected rejection/,
    ...documents.attributeName,
  },
  {
    test: 'SQS queues and refusals > an attribute of a message needs a value',
    answer: 'Takes an empty value.',
    failure: /Missing expected rejection/,
    ...documents.attributeValue,
  },
  {
    test: 'SQS queues and refusals > the attributes of a message count into its size',
    answer: 'Counts the body alone.',
    failure: /Missing expected rejection/,
    ...documents.attributeSize,
  },
  {
    test: 'SQS queues and refusals > characters that XML does not know are refused in an attribute',
    answer: 'Takes every character there.',
    failure: /Missing expected rejection/,
    ...documents.attributeCharacters,
  },
  {
    test: 'Secrets Manager > a secret that was created empty is not found until a value is put into it',
    answer: 'Reads an empty secret as a value that is empty.',
    failure: /Missing expected rejection/,
    ...documents.emptySecret,
  },
  {
    test: 'SQS dead letters and move tasks > a move task brings a message back to the queue it came from',
    answer: 'Has no move tasks.',
    failure: /^InvalidAction: The action StartMessageMoveTask/,
    ...documents.moveTask,
  },
  {
    test: 'SQS dead letters and move tasks > a moved message is a new one: its receives count from one again',
    answer: 'Has no move tasks.',
    failure: /^InvalidAction: The action StartMessageMoveTask/,
    ...documents.moveTask,
  },
  {
    test: 'SQS dead letters and move tasks > a moved message is a new one: it has another id',
    answer: 'Has no move tasks.',
    failure: /^InvalidAction: The action StartMessageMoveTask/,
    ...documents.moveTask,
  },
  {
    test: 'SQS dead letters and move tasks > a message sent straight to the dead-letter queue does not find back by itself',
    answer: 'Has no move tasks.',
    failure: /^InvalidAction: The action StartMessageMoveTask/,
    ...documents.moveTask,
  },
  {
    test: 'SQS dead letters and move tasks > a message sent straight to the dead-letter queue moves to a named destination',
    answer: 'Has no move tasks.',
    failure: /^InvalidAction: The action StartMessageMoveTask/,
    ...documents.moveTask,
  },
  {
    test: 'SQS dead letters and move tasks > one task a queue, at its rate, until it is cancelled',
    answer: 'Has no move tasks.',
    failure: /^InvalidAction: The action StartMessageMoveTask/,
    ...documents.moveTask,
  },
  {
    test: 'SQS dead letters and move tasks > only a dead-letter queue that exists can be moved from',
    answer: 'Has no move tasks.',
    failure: /InvalidAction: The action StartMessageMoveTask/,
    ...documents.moveTask,
  },
];

export const miniStack: Peer = {
  install: '.ci/install-ministack',
  // It looks every ten seconds.
  schedulePatience: 30_000,
  start: startMiniStack,
  differences,
};
