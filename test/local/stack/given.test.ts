import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { ConfigurationError } from '../../../core/environment.ts';
import { limitationsOf, parseGiven } from '../../../local/stack/given.ts';

const supabase = {
  SUPABASE_URL: 'http://127.0.0.1:54321',
  SUPABASE_SECRET_KEY: 'sb_secret_x',
  SUPABASE_DB_URL: 'postgresql://postgres:postgres@127.0.0.1:54322/postgres',
};

describe('parts that run already', () => {
  test('none are given by an empty environment, and nothing is limited', () => {
    const given = parseGiven({});
    assert.deepEqual(given, { supabase: undefined, awsEndpoint: undefined });
    assert.deepEqual(limitationsOf(given), []);
  });

  test('Supabase is given by its three variables, and runs in real time', () => {
    const given = parseGiven(supabase);
    assert.deepEqual(given.supabase, {
      url: supabase.SUPABASE_URL,
      secretKey: supabase.SUPABASE_SECRET_KEY,
      databaseUrl: supabase.SUPABASE_DB_URL,
    });
    assert.match(limitationsOf(given).join(), /real time/);
  });

  test('AWS is given by its endpoint, and runs in real time', () => {
    const given = parseGiven({ AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' });
    assert.equal(given.awsEndpoint, 'http://127.0.0.1:4566');
    assert.match(limitationsOf(given).join(), /real time/);
  });

  test('every missing companion of SUPABASE_URL is named at once', () => {
    assert.throws(
      () => parseGiven({ SUPABASE_URL: supabase.SUPABASE_URL }),
      (error: Error) =>
        error instanceof ConfigurationError &&
        /SUPABASE_SECRET_KEY: must be set.*SUPABASE_DB_URL: must be set/s.test(error.message),
    );
  });

  test('a wrong value is named, never shown', () => {
    const values = { ...supabase, SUPABASE_DB_URL: 'mysql://secret' };
    assert.throws(
      () => parseGiven(values),
      (error: Error) => /SUPABASE_DB_URL/.test(error.message) && !/secret/.test(error.message),
    );
  });
});
