import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AwsError, account, notFound, parse, region } from './aws-error.ts';

const Existing = z.object({ SecretId: z.string() });
const Value = z.object({ SecretString: z.string().min(1) });
const New = z.object({ Name: z.string().min(1), ...Value.partial().shape });

/** AWS ends the ARN with six random characters; here the name decides them, so that it stays the same. */
function arnOf(name: string): string {
  const suffix = createHash('sha256').update(name).digest('hex').slice(0, 6);
  return `arn:aws:secretsmanager:${region}:${account}:secret:${name}-${suffix}`;
}

/**
 * Secrets Manager's GetSecretValue, CreateSecret and PutSecretValue, by name or ARN; no other action.
 * A secret that was created without a value is the empty text in `secrets`.
 */
export function callSecrets(secrets: Record<string, string>, action: string, body: object) {
  if (action === 'CreateSecret') {
    const { Name, SecretString = '' } = parse(New, body);
    if (Object.hasOwn(secrets, Name)) {
      throw new AwsError('ResourceExistsException', `The secret ${Name} already exists.`);
    }
    secrets[Name] = SecretString;
    return { ARN: arnOf(Name), Name };
  }
  if (action !== 'GetSecretValue' && action !== 'PutSecretValue') {
    throw new AwsError('UnknownOperationException', `No such operation here: ${action}.`);
  }
  const { SecretId } = parse(Existing, body);
  const Name = Object.keys(secrets).find((name) => [name, arnOf(name)].includes(SecretId));
  if (Name === undefined) throw notFound(`The secret ${SecretId}`);
  const secret = { ARN: arnOf(Name), Name };
  if (action === 'PutSecretValue') {
    secrets[Name] = parse(Value, body).SecretString;
    return secret;
  }
  if (secrets[Name] === '') throw notFound(`A value of the secret ${Name}`);
  return { ...secret, SecretString: secrets[Name] };
}
