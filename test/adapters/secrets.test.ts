import assert from 'node:assert/strict';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { type TestContext, test, vi } from 'vitest';
import { createReadSecret } from '../../adapters/secrets.ts';
import { ConfigurationError } from '../../core/environment.ts';
import { startAwsEndpoint } from '../../local/aws/endpoint.ts';
import { createClock } from '../../local/clock.ts';

const good = {
  supabaseUrl: 'https://project.supabase.co',
  supabaseKey: 'sb_secret_abcdefgh',
  webhookSecrets: ['whsec_b25lIG9sZCBzZWNyZXQgb2YgMjRi'],
};

async function reader(t: TestContext, text: string) {
  const secrets: Record<string, string> = { archiver: text };
  const aws = await startAwsEndpoint({ clock: createClock(), secrets });
  const client = new SecretsManagerClient({
    endpoint: aws.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  t.onTestFinished(async () => {
    client.destroy();
    await aws.stop();
  });
  return { secrets, read: createReadSecret(client, 'archiver') };
}

test('the secret is read once and kept for minutes, and is then the new one', async (t) => {
  const { secrets, read } = await reader(t, JSON.stringify(good));
  const first = await read();
  assert.deepEqual(first, good);
  secrets.archiver = JSON.stringify({ ...good, supabaseKey: 'sb_secret_rotated' });
  assert.equal(await read(), first, 'the very same object, so that clients are kept');
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 301_000 });
  t.onTestFinished(() => void vi.useRealTimers());
  assert.equal((await read()).supabaseKey, 'sb_secret_rotated');
});

for (const [what, text] of [
  ['that is not JSON', 'sb_secret_abcdefgh'],
  ['that is half JSON', '{"supabaseKey":"sb_secret_abcdefgh"'],
  ['without a key', JSON.stringify({ ...good, supabaseKey: undefined })],
  ['with a short webhook secret', JSON.stringify({ ...good, webhookSecrets: ['sb_secret'] })],
  ['with an address that is none', JSON.stringify({ ...good, supabaseUrl: 'sb_secret_abcdefgh' })],
] as const) {
  test(`a secret ${what} is a configuration error that does not repeat it`, async (t) => {
    const { read } = await reader(t, text);
    await assert.rejects(read(), (error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.doesNotMatch(`${error.stack} ${JSON.stringify(error.cause ?? '')}`, /sb_secret/);
      return true;
    });
  });
}
