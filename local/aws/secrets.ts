import { z } from 'zod';
import { AwsError, account, region } from './aws-error.ts';

const Request = z.object({ SecretId: z.string() });

/** Secrets Manager's GetSecretValue, by name or ARN; no other action. */
export function callSecrets(secrets: Record<string, string>, action: string, body: unknown) {
  if (action !== 'GetSecretValue') {
    throw new AwsError('UnknownOperationException', `No such operation here: ${action}.`);
  }
  const parsed = Request.safeParse(body);
  if (!parsed.success) throw new AwsError('ValidationException', 'SecretId must be given.');
  const prefix = `arn:aws:secretsmanager:${region}:${account}:secret:`;
  const name = parsed.data.SecretId.replace(prefix, '');
  const value = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
  if (value === undefined) {
    const message = "Secrets Manager can't find the specified secret.";
    throw new AwsError('ResourceNotFoundException', message);
  }
  return {
    ARN: `${prefix}${name}`,
    Name: name,
    SecretString: value,
    VersionId: '00000000-0000-4000-8000-000000000000',
    VersionStages: ['AWSCURRENT'],
  };
}
