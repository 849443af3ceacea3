import { SQSClient } from '@aws-sdk/client-sqs';

const advices: [pattern: RegExp, advice: string][] = [
  [
    /CredentialsProviderError|Could not load credentials/,
    'Give AWS credentials as the AWS CLI takes them: AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.',
  ],
  [/Region is missing/, 'Name the Region of the stack: AWS_REGION=…'],
  [
    /ExpiredToken|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|InvalidSignature|InvalidAccessKeyId/,
    'AWS does not accept these credentials: log in again (aws sso login), or compare AWS_PROFILE.',
  ],
  [
    /AccessDenied|NotAuthorized|AuthorizationError/,
    'These credentials lack a permission; docs/operating.md lists those that are needed.',
  ],
  [
    /There is no stack|QueueDoesNotExist|NonExistentQueue/,
    'Is it another Region (AWS_REGION=…), another account (AWS_PROFILE=…) or another name (--stack …)?',
  ],
  [
    /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ECONNRESET|TimeoutError|UnknownError/,
    'Nothing responds there: is the network up, and is AWS_ENDPOINT_URL what it should be (unset for AWS itself)?',
  ],
];

/** What to do about an error of AWS, and where it was looked; empty where nothing is known. */
export async function advise(error: unknown): Promise<string> {
  if (!(error instanceof Error)) return '';
  const code = 'code' in error ? String(error.code) : '';
  const text = `${error.name} ${code} ${error.message}`;
  const advice = advices.find(([pattern]) => pattern.test(text))?.[1];
  if (advice === undefined) return '';
  const region = await new SQSClient().config.region().catch(() => undefined);
  const endpoint = process.env.AWS_ENDPOINT_URL;
  const place = [
    ...(region === undefined ? [] : [`Region ${region}`]),
    ...(endpoint ? [endpoint] : []),
  ].join(', ');
  return `\n${advice}${place === '' ? '' : ` (Now: ${place}.)`}`;
}
