import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { cast } from '../../local/story/cast.ts';
import { type Event, type Run, start } from './story/start.ts';

describe('npm start -- --once --json', () => {
  let run: Run;
  let code: number | null;
  let events: Event[];

  beforeAll(async () => {
    run = start(['--once', '--json']);
    code = await run.exit;
    events = run.events();
  });
  afterAll(() => run.child.kill('SIGKILL'));

  test('exits 0, with nothing on stderr and every expectation held', () => {
    const summary = events.at(-1);
    const failed = summary?.expectations?.filter(({ held }: Event) => !held);
    assert.deepEqual({ code, failed, stderr: run.stderr }, { code: 0, failed: [], stderr: '' });
    assert.equal(summary?.event, 'summary');
    assert.equal(summary?.held, true);
    assert.ok(summary?.expectations.length > cast.length);
  });

  test('tells of each of the fifteen days once, in order', () => {
    const days = events.filter(({ event }) => event === 'day').map(({ day }) => day);
    assert.deepEqual(
      days,
      Array.from({ length: 16 }, (_, day) => day),
    );
  });

  test('shows each track on its way to the end that the story has for it', () => {
    for (const { title, ends } of cast) {
      const states = events.filter((each) => each.event === 'track' && each.title === title);
      const last = states.at(-1);
      const found = last?.state === 'failed' ? last.errorCode : last?.state;
      assert.equal(found, ends, title);
    }
  });

  test('archives on day 13, and at once what is kept for an hour only', () => {
    const dayOf = (title: string) => {
      const archived = events.findIndex(
        (each) => each.title === title && each.state === 'archived',
      );
      return events.slice(0, archived).findLast(({ event }) => event === 'day')?.day;
    };
    assert.equal(dayOf('Northern Lights'), 13);
    assert.equal(dayOf('One Hour'), 0);
  });

  test('says where everything ran', () => {
    const addresses = events.at(-1)?.addresses;
    assert.match(addresses['Supabase URL'], /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.match(addresses['Postgres (psql)'], /^postgres:\/\//);
  });
});
