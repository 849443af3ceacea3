import assert from 'node:assert/strict';
import { test } from 'vitest';
import { synthesize, withoutHash } from './synthesize.ts';

const { resources } = synthesize();

test('removing the stack keeps the queues and the secret, and nothing else', () => {
  const kept = resources
    .filter(({ DeletionPolicy }) => DeletionPolicy === 'Retain')
    .map(({ id }) => withoutHash(id));
  assert.deepEqual(kept, [
    'Secret',
    'QueuesDeadLetters',
    'QueuesArchive',
    'QueuesScheduleDeadLetters',
  ]);
});

test('what is kept on removal is also kept when an update would replace it', () => {
  for (const { id, DeletionPolicy, UpdateReplacePolicy } of resources) {
    if (DeletionPolicy === 'Retain') assert.equal(UpdateReplacePolicy, 'Retain', id);
  }
});

test('the template has no value for the secret, so that no deployment overwrites it', () => {
  const secrets = resources.filter(({ Type }) => Type === 'AWS::SecretsManager::Secret');
  assert.equal(secrets.length, 1);
  for (const { Properties } of secrets) {
    assert.deepEqual(Object.keys(Properties).sort(), ['Description', 'Tags']);
  }
});
