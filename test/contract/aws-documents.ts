const userGuide = 'https://docs.aws.amazon.com/scheduler/latest/UserGuide';
const scheduler = 'https://docs.aws.amazon.com/scheduler/latest/APIReference';
const sqs = 'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference';
const secretsManager = 'https://docs.aws.amazon.com/secretsmanager/latest/apireference';
const sqsGuide = 'https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide';

/** AWS's own words, and where they stand. */
export const documents = {
  precision: {
    aws: 'All schedule types on EventBridge Scheduler invoke their targets with 60 second precision.',
    source: `${userGuide}/schedule-types.html`,
  },
  clientToken: {
    aws: 'ClientToken: Unique, case-sensitive identifier you provide to ensure the idempotency of the request.',
    source: `${scheduler}/API_CreateSchedule.html`,
  },
  scheduleName: {
    aws: 'Name: Minimum length of 1. Maximum length of 64. Pattern: ^[0-9a-zA-Z-_.]+$',
    source: `${scheduler}/API_CreateSchedule.html`,
  },
  flexibleWindow: {
    aws: 'MaximumWindowInMinutes: Minimum value of 1. Maximum value of 1440.',
    source: `${scheduler}/API_FlexibleTimeWindow.html`,
  },
  groupConflict: {
    aws: 'CreateScheduleGroup, errors: ConflictException, 409. What but a group of this name it could conflict with is not said.',
    source: `${scheduler}/API_CreateScheduleGroup.html`,
  },
  groupMissing: {
    aws: 'CreateSchedule, errors: ResourceNotFoundException: The request references a resource which does not exist.',
    source: `${scheduler}/API_CreateSchedule.html`,
  },
  expression: {
    aws: 'ScheduleExpression: The following formats are supported. at expression - at(yyyy-mm-ddThh:mm:ss) […]',
    source: `${scheduler}/API_CreateSchedule.html`,
  },
  nextToken: {
    aws: 'NextToken: The token returned by a previous call to retrieve the next set of results.',
    source: `${scheduler}/API_ListSchedules.html`,
  },
  attributeName: {
    aws: "CreateQueue, errors: InvalidAttributeName: The specified attribute doesn't exist.",
    source: `${sqs}/API_CreateQueue.html`,
  },
  attributeValue: {
    aws: 'Name, type, value and the message body must not be empty or null.',
    source: `${sqs}/API_MessageAttributeValue.html`,
  },
  attributeSize: {
    aws: 'All parts of the message attribute, including Name, Type, and Value, are part of the message size restriction (1 MiB or 1,048,576 bytes).',
    source: `${sqs}/API_MessageAttributeValue.html`,
  },
  attributeCharacters: {
    aws: 'For string data types, the Value attribute has the same restrictions on the content as the message body.',
    source: `${sqs}/API_MessageAttributeValue.html`,
  },
  emptySecret: {
    aws: 'If you include SecretString or SecretBinary then Secrets Manager creates an initial secret version and automatically attaches the staging label AWSCURRENT to it. GetSecretValue, errors: ResourceNotFoundException.',
    source: `${secretsManager}/API_CreateSecret.html`,
  },
  visibilityTimeout: {
    aws: 'VisibilityTimeout: An integer from 0 to 43,200 (12 hours). Errors: InvalidAttributeValue: A queue attribute value is invalid.',
    source: `${sqs}/API_CreateQueue.html`,
  },
  deadLetterQueue: {
    aws: 'You must first create a new queue before configuring it as a dead-letter queue.',
    source: `${sqsGuide}/sqs-dead-letter-queues.html`,
  },
  redriven: {
    aws: 'All redriven messages are considered new messages with a new messageID and enqueueTime are assigned to redriven messages.',
    source: `${sqsGuide}/sqs-configure-dead-letter-queue-redrive.html`,
  },
  moveTask: {
    aws: 'StartMessageMoveTask: Starts an asynchronous task to move messages from a specified source queue to a specified destination queue.',
    source: `${sqs}/API_StartMessageMoveTask.html`,
  },
  messageSource: {
    aws: 'The CouldNotDetermineMessageSource error occurs when you attempt to start a DLQ redrive with […] an Amazon SQS message sent directly to the DLQ with SendMessage API.',
    source: `${sqsGuide}/troubleshooting-dlq-redrive.html`,
  },
};
