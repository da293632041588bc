import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { continueTrace, createRandomDigits, readParentTrace } from '../../src/http/request-context.ts';
import { directoryThat, startApp } from '../support/app.ts';
import { putLead, send } from '../support/client.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const parent = { traceId: TRACE, spanId: SPAN, isSampled: true, tracestate: undefined };

describe('traceparent', () => {
  test('is read field by field', () => {
    expect(readParentTrace({ traceparent: `00-${TRACE}-${SPAN}-01` })).toEqual(parent);
  });

  test.each([
    ['00', false],
    ['01', true],
    ['02', false],
    ['03', true],
    ['ff', true],
  ])('with the flags %s is sampled: %s', (flags, isSampled) => {
    expect(readParentTrace({ traceparent: `00-${TRACE}-${SPAN}-${flags}` })?.isSampled).toBe(isSampled);
  });

  test.each([`cc-${TRACE}-${SPAN}-01`, `cc-${TRACE}-${SPAN}-01-what-comes-later`, `01-${TRACE}-${SPAN}-01-`])(
    'of a later version is read as far as it is known: %s',
    (traceparent) => {
      expect(readParentTrace({ traceparent })).toEqual(parent);
    },
  );

  test.each([
    '',
    'jane@example.com',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}-01-`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
    `01-${TRACE}-${SPAN}-01, 01-${TRACE}-${SPAN}-01`,
    `01-${TRACE}-${SPAN}-012`,
    `ff-${TRACE}-${SPAN}-01`,
    `FF-${TRACE}-${SPAN}-01`,
    `0-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN.replace('f', 'g')}-01`,
    `00_${TRACE}_${SPAN}_01`,
    ` 00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-0x`,
  ])('that is not valid is ignored: %j', (traceparent) => {
    expect(readParentTrace({ traceparent, tracestate: 'a=1' })).toBeUndefined();
  });
});

describe('tracestate', () => {
  const read = (tracestate: string) =>
    readParentTrace({ traceparent: `00-${TRACE}-${SPAN}-01`, tracestate })?.tracestate;

  test.each([
    ['rojo=00f067aa0ba902b7,congo=t61rcWkgMzE', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'],
    ['a=1, b@c=2 ,,\t', 'a=1,b@c=2'],
    ['0_-*/=x y~', '0_-*/=x y~'],
  ])('%j goes on as %j', (given, passed) => {
    expect(read(given)).toBe(passed);
  });

  test.each(['', ' , ', 'a', 'a=', '=1', 'A=1', 'a=1=2', 'a=é', 'a=1,jane', `a=${'x'.repeat(257)}`])(
    'that is not valid is not passed on: %j',
    (tracestate) => {
      expect(read(tracestate)).toBeUndefined();
    },
  );

  test('loses its last members when there are more than 32, or 512 characters', () => {
    const many = Array.from({ length: 40 }, (_, index) => `k${index}=1`);
    expect(read(many.join(','))).toBe(many.slice(0, 32).join(','));
    const long = Array.from({ length: 10 }, (_, index) => `k${index}=${'x'.repeat(97)}`);
    expect(read(long.join(','))).toBe(long.slice(0, 5).join(','));
  });
});

describe("the gateway's part in a trace", () => {
  const digits = createRandomDigits(randomBytes);

  test("has the caller's trace id, an id of its own, and is sampled as the caller's is", () => {
    const { traceId, traceparent, tracestate } = continueTrace({ ...parent, tracestate: 'a=1' }, digits);
    expect([traceId, tracestate]).toEqual([TRACE, 'a=1']);
    expect(traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    expect(traceparent).not.toContain(SPAN);
    expect(continueTrace({ ...parent, isSampled: false }, digits).traceparent).toMatch(/-00$/);
  });

  test('in a new trace is one that reads well', () => {
    const { traceId, traceparent } = continueTrace(undefined, digits);
    expect(readParentTrace({ traceparent })).toMatchObject({ traceId, isSampled: false });
  });

  test('has new ids every time', () => {
    const traces = Array.from({ length: 10_000 }, () => continueTrace(undefined, digits).traceparent);
    expect(new Set(traces.map((traceparent) => traceparent.slice(3, 35))).size).toBe(10_000);
    expect(new Set(traces.map((traceparent) => traceparent.slice(36, 52))).size).toBe(10_000);
  });
});

describe('an answer', () => {
  test.each([
    ['200', 'GET', '/healthz'],
    ['302', 'GET', '/'],
    ['404', 'GET', '/nothing'],
    ['405', 'DELETE', '/leads'],
    ['415', 'PUT', '/leads'],
    ['200', 'GET', '/docs/swagger-ui.css'],
  ])('%s to %s %s names the trace', async (status, method, path) => {
    const { url } = await startApp();
    const body = method === 'PUT' ? { body: 'a=b' } : {};
    const answer = await send(url, path, {
      method,
      headers: { traceparent: `00-${TRACE}-${SPAN}-01` },
      ...body,
    });
    expect(String(answer.status)).toBe(status);
    expect(answer.headers['traceparent']).toMatch(new RegExp(`^00-${TRACE}-(?!${SPAN})[0-9a-f]{16}-01$`));
  });

  test('names the very trace that goes with the lead', async () => {
    const seen: string[] = [];
    const { url } = await startApp({
      directory: directoryThat((_command, { trace }) => {
        seen.push(trace.traceparent);
        return { leadId: 1, status: 'UPDATED' };
      }),
    });
    const { headers } = await putLead(url, { id: 1 });
    expect(seen).toEqual([headers['traceparent']]);
  });
});
