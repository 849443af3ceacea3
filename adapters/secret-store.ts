import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';

/** The one secret as an operator's command sees it: its text, always as it is now. */
export interface SecretStore {
  /** Undefined where it has no value yet. */
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

export function createSecretStore(client: SecretsManagerClient, secretId: string): SecretStore {
  return {
    async read() {
      try {
        const { SecretString } = await client.send(
          new GetSecretValueCommand({ SecretId: secretId }),
        );
        return SecretString?.trim() || undefined;
      } catch (error) {
        // A secret without a value; where the secret itself is not there, writing fails with the same.
        if (error instanceof ResourceNotFoundException) return undefined;
        throw error;
      }
    },
    async write(text) {
      await client.send(new PutSecretValueCommand({ SecretId: secretId, SecretString: text }));
    },
  };
}
