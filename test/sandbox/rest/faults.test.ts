import { describe, expect, test } from 'vitest';
import { sendRaw } from '../../support/client.ts';
import { identity, type RestClient, restClient } from '../../support/rest.ts';
import { email, startStillSandbox, type StillSandbox } from '../../support/sandbox.ts';
import { createVirtualClock, untilTimers, type VirtualClock } from '../../support/virtual-clock.ts';
import { A, FIRST } from './results.ts';
import { testEvery } from '../../support/exhaustive.ts';

type Started = {
  readonly sandbox: StillSandbox;
  readonly rest: RestClient;
  /** Queues this for the next call. */
  readonly next: (item: object) => Promise<unknown>;
  readonly leadCount: () => Promise<number>;
};

async function start(timers?: VirtualClock): Promise<Started> {
  const sandbox = await startStillSandbox(timers ? { timers } : {});
  const rest = restClient(sandbox);
  await rest.token();
  return {
    sandbox,
    rest,
    next: (item) => sandbox.control('POST', '/next', item),
    leadCount: async () => (await sandbox.leads()).length,
  };
}

describe('a code', () => {
  testEvery(3, [
    ['500', undefined, 'Error 500'],
    ['502', undefined, 'Bad Gateway'],
    ['601', undefined, 'Access token invalid'],
    ['606', undefined, "Max rate limit '100' exceeded with in '20' secs"],
    ['611', undefined, 'System error'],
    ['714', 'of its own', 'of its own'],
    [606, '', ''],
    ['not a number', 'x', 'x'],
  ])('%j with the text %j; the call is not done', async (code, message, told) => {
    const { rest, next, leadCount } = await start();
    await next({ error: { code, ...(message !== undefined && { message }) } });
    const answer = await rest.sync([{ email: A }]);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'application/json;charset=UTF-8',
    ]);
    expect(answer.json).toEqual({
      requestId: expect.stringMatching(/^[\da-f]+#[\da-f]+$/),
      success: false,
      errors: [{ code, message: told }],
    });
    expect(await leadCount()).toBe(0);
    expect((await rest.sync([{ email: A }])).json.success).toBe(true);
  });

  test('with an HTTP status, several times', async () => {
    const { rest, next } = await start();
    await next({ error: { code: '502', status: 502 }, times: 2 });
    expect((await rest.sync([{ email: A }])).status).toBe(502);
    expect((await rest.sync([{ email: A }])).status).toBe(502);
    expect((await rest.sync([{ email: A }])).status).toBe(200);
  });

  test('although the call was done', async () => {
    const { rest, next, leadCount } = await start();
    await next({ error: { code: '604' }, done: true });
    expect((await rest.sync([{ email: A }])).code).toBe('604');
    expect(await leadCount()).toBe(1);
  });

  test('for a record, which is not written; its neighbours are', async () => {
    const { rest, next, leadCount } = await start();
    await next({
      reasons: [
        { index: 1, code: '1018', message: 'Not in CRM' },
        { index: 1, code: 1036 },
      ],
    });
    expect(
      await rest.results([{ email: A }, { email: 'b@example.com' }, { email: 'c@example.com' }]),
    ).toEqual([
      { id: FIRST, status: 'created' },
      {
        status: 'skipped',
        reasons: [
          { code: '1018', message: 'Not in CRM' },
          { code: 1036, message: 'Error 1036' },
        ],
      },
      { id: FIRST + 1, status: 'created' },
    ]);
    expect(await leadCount()).toBe(2);
  });
});

describe('other answers', () => {
  test('an HTML page with an HTTP status', async () => {
    const { rest, next, leadCount } = await start();
    const body = '<html><body>Bad Gateway</body></html>';
    await next({ garbage: { status: 502, body, headers: { 'Retry-After': '7' } } });
    const answer = await rest.sync([{ email: A }]);
    expect([answer.status, answer.text]).toEqual([502, body]);
    expect(answer.headers.get('content-type')).toBe('text/html');
    expect(answer.headers.get('retry-after')).toBe('7');
    expect(await leadCount()).toBe(0);
  });

  test('the same although the call was done', async () => {
    const { rest, next, leadCount } = await start();
    await next({ garbage: { status: 504 }, done: true });
    expect((await rest.sync([{ email: A }])).status).toBe(504);
    expect(await leadCount()).toBe(1);
  });

  test('JSON that ends after half, in a message that is whole', async () => {
    const { rest, next, leadCount } = await start();
    await next({ truncate: true });
    const { text, json, headers } = await rest.sync([{ email: A }]);
    expect(json).toBeUndefined();
    expect(text).toMatch(/^\{"requestId"/);
    expect(headers.get('content-length')).toBe(String(text.length));
    expect(await leadCount()).toBe(1);
  });

  test.each([
    [-1, 1],
    [-5, 0],
    [1, 3],
  ])('%i results too many make %i of 2; the records are written', async (results, length) => {
    const { rest, next, leadCount } = await start();
    await next({ results });
    expect(await rest.results([{ email: A }, { email: 'b@example.com' }])).toHaveLength(length);
    expect(await leadCount()).toBe(2);
  });
});

describe('time', () => {
  test('a delay holds the answer back, while the call is done already', async () => {
    const timers = createVirtualClock();
    const { rest, next, leadCount } = await start(timers);
    await next({ delayMs: 600 });
    let isAnswered = false;
    const answer = rest.results([{ email: A }]).finally(() => (isAnswered = true));
    await untilTimers(timers, 1);
    expect(await leadCount()).toBe(1);
    await timers.advance(599);
    expect(isAnswered).toBe(false);
    await timers.advance(1);
    expect(await answer).toEqual([{ id: FIRST, status: 'created' }]);
  });

  test('a call that was given up runs on for 90 s and writes then: a retry in between makes a second lead', async () => {
    const timers = createVirtualClock();
    const { sandbox, rest, next, leadCount } = await start(timers);
    await next({ processingMs: 90_000 });
    const controller = new AbortController();
    const left = fetch(`${sandbox.url}/rest/v1/leads.json`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${await rest.token()}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ input: [{ email: A }] }),
      signal: controller.signal,
    });
    await untilTimers(timers, 1);
    controller.abort();
    await expect(left).rejects.toThrow('aborted');
    await timers.advance(89_999);
    expect(await leadCount()).toBe(0);
    expect(await rest.results([{ email: A }])).toEqual([{ id: FIRST, status: 'created' }]);
    await timers.advance(1);
    expect(await leadCount()).toBe(2);
    const closed = sandbox.close();
    await timers.advance(500);
    await closed;
  });
});

describe('a connection that breaks', () => {
  test.each([
    ['on-arrival', 0],
    ['before-headers', 1],
  ])('%s: %i leads are written', async (reset, written) => {
    const { rest, next, leadCount } = await start();
    await next({ reset });
    await expect(rest.sync([{ email: A }])).rejects.toThrow('fetch failed');
    expect(await leadCount()).toBe(written);
  });

  test('mid-body: headers and half of the answer', async () => {
    const { sandbox, rest, next, leadCount } = await start();
    await next({ reset: 'mid-body' });
    const body = JSON.stringify({ input: [{ email: A }] });
    const received = await sendRaw(
      sandbox.url,
      `POST /rest/v1/leads.json HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await rest.token()}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const [head = '', half = ''] = received.split('\r\n\r\n');
    expect(half.length).toBe(Math.floor(Number(/Content-Length: (\d+)/.exec(head)?.[1]) / 2));
    expect(await leadCount()).toBe(1);
  });
});

describe('the queue', () => {
  test('is used in order; what names an operation waits for one', async () => {
    const { sandbox, rest, next } = await start();
    await next({ error: { code: '608' }, operation: 'find' });
    await next({ error: { code: '713' } });
    expect((await rest.sync([{ email: A }])).code).toBe('713');
    expect((await rest.sync([{ email: A }])).code).toBeNull();
    expect((await sandbox.control('GET', '/next')).waiting).toEqual([
      { error: { code: '608' }, operation: 'find', times: 1 },
    ]);
    expect((await rest.request('GET', '/leads.json?filterType=id&filterValues=1')).code).toBe('608');
  });

  test('has faults for SOAP, faults for REST, and some for either', async () => {
    const { sandbox, rest, next } = await start();
    await next({ fault: { code: 20011 } });
    await next({ error: { code: '611' } });
    expect((await rest.sync([{ email: A }])).code).toBe('611');
    expect((await sandbox.sync(email(A))).fault).toBe(20011);
    for (const call of [() => rest.sync([{ email: A }]), () => sandbox.sync(email(A))]) {
      await next({ reset: 'on-arrival' });
      await expect(call()).rejects.toThrow('fetch failed');
    }
  });

  test('is taken by a request for a token only where it says so', async () => {
    const { sandbox, rest, next } = await start();
    await next({ garbage: { status: 503 } });
    expect((await identity(sandbox.url)).status).toBe(200);
    await next({ garbage: { status: 500, body: 'x' }, operation: 'identity' });
    expect(await identity(sandbox.url)).toMatchObject({ status: 500, text: 'x' });
    await next({ reset: 'before-headers', operation: 'identity' });
    await expect(identity(sandbox.url)).rejects.toThrow('fetch failed');
    expect((await rest.sync([{ email: A }])).status).toBe(503);
  });

  testEvery(3, [
    [{ error: {} }, /code must be a string/],
    [{ error: { code: -1 } }, /code must be an integer/],
    [{ error: { code: '1', status: 99 } }, /status must be an integer from 200 to 599/],
    [{ error: { code: '1' }, garbage: {} }, /error and garbage cannot happen to one call/],
    [{ fault: { code: 20011 }, truncate: true }, /fault is for SOAP calls, truncate for REST calls/],
    [{ operation: 'sync' }, /Give one of fault, garbage, reset or delayMs; for REST calls also error/],
    [{ operation: 'fly', delayMs: 1 }, /operation must be one of identity, sync, find/],
    [{ done: true }, /done goes with error or garbage/],
    [{ truncate: false }, /truncate can only be true/],
    [{ results: 1.5 }, /results must be an integer/],
    [{ processingMs: 300_001 }, /processingMs must be an integer from 0 to 300000/],
    [{ reasons: [{ index: 300, code: '1' }] }, /index must be an integer from 0 to 299/],
    [{ reasons: [7] }, /reasons\[0\] must be a JSON object/],
  ])('refuses %j', async (item, detail) => {
    const { next } = await start();
    await expect(next(item)).rejects.toThrow(detail);
  });
});
