import assert from 'node:assert/strict';
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
} from '@aws-sdk/client-secrets-manager';
import { describe, test } from 'vitest';
import { connect } from './contract.ts';

const notFound = { name: 'ResourceNotFoundException' };

describe('Secrets Manager', () => {
  test('a secret is read by its name and by its ARN', async (t) => {
    const { secrets, secretName } = await connect(t);
    const Name = secretName();
    const { ARN } = await secrets.send(new CreateSecretCommand({ Name, SecretString: '{"a":1}' }));
    for (const SecretId of [Name, ARN]) {
      const secret = await secrets.send(new GetSecretValueCommand({ SecretId }));
      assert.equal(secret.SecretString, '{"a":1}');
      assert.equal(secret.ARN, ARN);
    }
  });

  test('the ARN of a secret ends with its name and six characters more', async (t) => {
    const { secrets, secretName } = await connect(t);
    const Name = secretName();
    const { ARN = '' } = await secrets.send(new CreateSecretCommand({ Name, SecretString: 'x' }));
    assert.match(ARN, /^arn:aws:secretsmanager:[^:]+:\d{12}:secret:/);
    assert.match(ARN.slice(ARN.lastIndexOf(':') + 1 + Name.length), /^-[0-9a-zA-Z]{6}$/);
  });

  test('a secret that was created empty is not found until a value is put into it', async (t) => {
    const { secrets, secretName } = await connect(t);
    const SecretId = secretName();
    await secrets.send(new CreateSecretCommand({ Name: SecretId }));
    const read = () => secrets.send(new GetSecretValueCommand({ SecretId }));
    await assert.rejects(read(), notFound);
    for (const SecretString of ['first', 'second']) {
      await secrets.send(new PutSecretValueCommand({ SecretId, SecretString }));
      assert.equal((await read()).SecretString, SecretString);
    }
  });

  test('a secret is created once, and none but a created one is read or changed', async (t) => {
    const { secrets, secretName } = await connect(t);
    const create = new CreateSecretCommand({ Name: secretName(), SecretString: 'x' });
    await secrets.send(create);
    await assert.rejects(secrets.send(new CreateSecretCommand({ ...create.input })), {
      name: 'ResourceExistsException',
    });
    const SecretId = secretName();
    await assert.rejects(secrets.send(new GetSecretValueCommand({ SecretId })), notFound);
    const put = new PutSecretValueCommand({ SecretId, SecretString: 'x' });
    await assert.rejects(secrets.send(put), notFound);
  });
});
