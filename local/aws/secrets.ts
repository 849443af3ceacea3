import { z } from 'zod';
import { AwsError, account, notFound, parse, region } from './aws-error.ts';

const prefix = `arn:aws:secretsmanager:${region}:${account}:secret:`;
const Secret = z.object({ SecretId: z.string() });
const Value = z.object({ SecretString: z.string() });

/** Secrets Manager's GetSecretValue, CreateSecret and PutSecretValue, by name or ARN; no other action. */
export function callSecrets(secrets: Record<string, string>, action: string, body: object) {
  if (!/^(GetSecretValue|CreateSecret|PutSecretValue)$/.test(action)) {
    throw new AwsError('UnknownOperationException', `No such operation here: ${action}.`);
  }
  const create = action === 'CreateSecret';
  const { SecretId } = parse(Secret, create && 'Name' in body ? { SecretId: body.Name } : body);
  const Name = SecretId.replace(prefix, '');
  const exists = Object.hasOwn(secrets, Name);
  if (create && exists) throw new AwsError('ResourceExistsException', `${Name} already exists.`);
  if (!create && !exists) throw notFound(`The secret ${Name}`);
  if (action !== 'GetSecretValue') secrets[Name] = parse(Value, body).SecretString;
  return { ARN: prefix + Name, Name, SecretString: secrets[Name] };
}
