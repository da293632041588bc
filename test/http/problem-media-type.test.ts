import { describe, expect, test } from 'vitest';
import { startApp } from '../support/app.ts';
import { testEvery } from '../support/exhaustive.ts';

const PROBLEM = 'application/problem+json';
const JSON_TYPE = 'application/json';

async function typeFor(accept: string | undefined, path = '/nothing') {
  const { url } = await startApp();
  const headers: Record<string, string> = accept === undefined ? {} : { accept };
  const answer = await fetch(`${url}${path}`, { headers });
  const body = (await answer.json()) as Record<string, unknown>;
  return { contentType: answer.headers.get('content-type'), vary: answer.headers.get('vary'), body };
}

describe('a problem is application/problem+json', () => {
  testEvery(3, [
    undefined,
    '',
    '*/*',
    'application/*',
    PROBLEM,
    'Application/Problem+JSON',
    `${PROBLEM}, ${JSON_TYPE}`,
    `${JSON_TYPE}, ${PROBLEM}`,
    `${JSON_TYPE};q=0.5, ${PROBLEM}`,
    `${JSON_TYPE};q=0.5, ${PROBLEM};q=0.5`,
    `${JSON_TYPE};q=0, */*`,
    'text/html',
    'text/html, application/xhtml+xml, */*;q=0.8',
    'application/xml',
    'application/jsonx',
    'nonsense',
    ';;;,,,q=',
    // Not read: a head has room for thousands of ranges.
    `${JSON_TYPE}${', text/plain'.repeat(100)}`,
  ])('for Accept: %s', async (accept) => {
    const { contentType, vary, body } = await typeFor(accept);
    expect([contentType, vary]).toEqual([PROBLEM, 'Origin, Accept']);
    expect(body['status']).toBe(404);
  });
});

describe('a problem is application/json', () => {
  testEvery(3, [
    JSON_TYPE,
    'Application/JSON',
    `${JSON_TYPE}; charset=utf-8`,
    `${JSON_TYPE};odata=verbose;q=0.9`,
    // What axios and jQuery send.
    `${JSON_TYPE}, text/plain, */*`,
    `${JSON_TYPE}, text/javascript, */*; q=0.01`,
    `text/html, ${JSON_TYPE}`,
    `${JSON_TYPE}, application/*;q=0.1`,
    `${JSON_TYPE}, ${PROBLEM};q=0.5`,
    `${PROBLEM};q=0.1, ${JSON_TYPE};q=0.2`,
    `${PROBLEM};q=0, */*`,
  ])('for Accept: %s', async (accept) => {
    const { contentType, vary, body } = await typeFor(accept);
    expect([contentType, vary]).toEqual([JSON_TYPE, 'Origin, Accept']);
    expect(body['status']).toBe(404);
  });

  test('with the same members', async () => {
    const [one, other] = [await typeFor(PROBLEM), await typeFor(JSON_TYPE)];
    expect(Object.keys(one.body)).toEqual(Object.keys(other.body));
  });
});

test('problems are not kept by caches', async () => {
  const { url } = await startApp();
  for (const path of ['/nothing', '/leads']) {
    expect((await fetch(url + path)).headers.get('cache-control')).toBe('no-store');
  }
});
