import { z } from 'zod';
import { AwsError, account, region } from './aws-error.ts';

const requests = {
  GetSecretValue: z.object({ SecretId: z.string() }),
  CreateSecret: z.object({ Name: z.string(), SecretString: z.string() }),
  PutSecretValue: z.object({ SecretId: z.string(), SecretString: z.string() }),
};

const prefix = `arn:aws:secretsmanager:${region}:${account}:secret:`;

/** Secrets Manager's GetSecretValue, CreateSecret and PutSecretValue, by name or ARN; no other action. */
export function callSecrets(secrets: Record<string, string>, action: string, body: unknown) {
  const parse = <T>(schema: z.ZodType<T>): T => {
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    throw new AwsError('ValidationException', parsed.error.issues[0]?.message ?? '');
  };
  switch (action) {
    case 'GetSecretValue': {
      const name = existing(secrets, parse(requests.GetSecretValue).SecretId);
      return { ...identity(name), SecretString: secrets[name], VersionStages: ['AWSCURRENT'] };
    }
    case 'CreateSecret': {
      const { Name, SecretString } = parse(requests.CreateSecret);
      if (Object.hasOwn(secrets, Name)) {
        throw new AwsError('ResourceExistsException', `The secret ${Name} already exists.`);
      }
      secrets[Name] = SecretString;
      return identity(Name);
    }
    case 'PutSecretValue': {
      const { SecretId, SecretString } = parse(requests.PutSecretValue);
      const name = existing(secrets, SecretId);
      secrets[name] = SecretString;
      return { ...identity(name), VersionStages: ['AWSCURRENT'] };
    }
    default:
      throw new AwsError('UnknownOperationException', `No such operation here: ${action}.`);
  }
}

function existing(secrets: Record<string, string>, id: string): string {
  const name = id.replace(prefix, '');
  if (Object.hasOwn(secrets, name)) return name;
  const message = "Secrets Manager can't find the specified secret.";
  throw new AwsError('ResourceNotFoundException', message);
}

const identity = (name: string) => ({
  ARN: `${prefix}${name}`,
  Name: name,
  VersionId: '00000000-0000-4000-8000-000000000000',
});
