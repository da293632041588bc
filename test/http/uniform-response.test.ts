import { describe, expect, test } from 'vitest';
import { RESPONSE_STEP_MS } from '../../src/http/uniform-response.ts';
import { GatewayError } from '../../src/leads/errors.ts';
import { fault, success } from '../support/answers.ts';
import { upstreamAt } from '../support/gateway.ts';
import { bearer, keysText, ORIGIN, PUBLISHABLE, startKeyedGateway } from '../support/keys.ts';
import { startUpstream } from '../support/upstream.ts';
import { readKeyFile } from '../../src/access/key-file.ts';
import { putLead } from './send.ts';
import { directoryThat, startApp, testAccess } from './start-app.ts';
import { startLoopClock } from '../support/time.ts';

const headers = { ...bearer(PUBLISHABLE.key), origin: ORIGIN };

/** Everything of an answer but what differs between any two: the id and the time of day. */
function shapeOf(answer: { status: number; headers: Headers; text: string }): unknown {
  const shown = [...answer.headers].map(([name, value]) =>
    ['x-request-id', 'traceparent', 'date'].includes(name) ? [name] : [name, value],
  );
  return [answer.status, shown, answer.text];
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a publishable key learns nothing about the person', () => {
  test('whether the lead is new, known, unchanged or refused for what it is', async () => {
    const answers = [
      success({ status: 'CREATED' }),
      success({ status: 'UPDATED' }),
      success({ status: 'UNCHANGED' }),
      success({ status: 'FAILED', error: '<error>Lead is on a list</error>' }),
      fault(20103, 'Lead not found'),
      fault(20110, 'Not in the partition'),
    ];
    const upstream = await startUpstream((response, call) => {
      const [, index = '0'] = /person(\d)@/.exec(call.body) ?? [];
      const body = answers[Number(index)] ?? '';
      response.writeHead(body.includes('Fault') ? 500 : 200, { 'content-type': 'text/xml' }).end(body);
    });
    const gateway = await startKeyedGateway([PUBLISHABLE], {
      ...upstreamAt(upstream.endpoint),
      MARKETO_MAX_BATCH: '1',
    });
    const shapes = await Promise.all(
      answers.map(async (_, index) =>
        shapeOf(await gateway.putLead({ email: `person${index}@b.c` }, { headers })),
      ),
    );
    expect(upstream.calls).toHaveLength(answers.length);
    for (const shape of shapes) expect(shape).toEqual(shapes[0]);
    expect(shapes[0]).toMatchObject([202, expect.anything(), '{"status":"ACCEPTED"}']);
    await gateway.close();
    // The operator is told.
    expect(gateway.logs.join('').match(/"maskedProblem":"lead-(?:rejected|not-found)"/g)).toHaveLength(3);
  });

  test('by the time it takes, although a new lead takes the upstream longer', async () => {
    const upstream = await startUpstream(async (response, call) => {
      const isNew = call.body.includes('new@');
      await pause(isNew ? 150 : 20);
      response.setHeader('content-type', 'text/xml').end(success({ status: isNew ? 'CREATED' : 'UPDATED' }));
    });
    const gateway = await startKeyedGateway([PUBLISHABLE], {
      ...upstreamAt(upstream.endpoint),
      MARKETO_MAX_BATCH: '1',
    });
    const timeOf = async (email: string) => {
      const started = performance.now();
      const elapsedMs = startLoopClock();
      await gateway.putLead({ email }, { headers });
      return { ms: performance.now() - started, loopMs: elapsedMs() };
    };
    await timeOf('warm-up@b.c');
    const [known, unknown] = [await timeOf('known@b.c'), await timeOf('new@b.c')];
    for (const { ms, loopMs } of [known, unknown]) {
      expect(ms).toBeGreaterThan(RESPONSE_STEP_MS - 5);
      // The same step for both; how far into the next a busy machine gets says nothing.
      expect(loopMs).toBeLessThan(2 * RESPONSE_STEP_MS);
    }
  });

  test("in the upstream's words, which others get", async () => {
    const gateways = [
      fault(20105, 'x', 'unknown fields for import: FirstName (20105)'),
      fault(20017, 'Odd jane@b.c'),
    ];
    for (const body of gateways) {
      const upstream = await startUpstream((response) => {
        response.writeHead(500, { 'content-type': 'text/xml' }).end(body);
      });
      const gateway = await startKeyedGateway([PUBLISHABLE], upstreamAt(upstream.endpoint));
      const answer = await gateway.putLead({ email: 'a@b.c', attributes: { FirstName: 'A' } }, { headers });
      expect(answer.status).toBe(body === gateways[0] ? 422 : 502);
      expect(answer.body).not.toHaveProperty('upstream');
      expect(answer.text).not.toContain('jane');
      expect(answer.headers.has('server-timing')).toBe(false);
    }
  });

  test('but does learn that the lead could not be taken', async () => {
    const keys = readKeyFile(keysText([PUBLISHABLE]));
    const { url } = await startApp({
      access: testAccess({ keys: { keyring: () => (keys.ok ? keys.keyring : expect.fail()) } }),
      directory: directoryThat(() => {
        throw new GatewayError('upstream-busy', { detail: 'Wait.', retryAfterSeconds: 7 });
      }),
    });
    const answer = await putLead(url, { email: 'a@b.c' }, headers);
    expect([answer.status, answer.headers['retry-after'], answer.json['detail']]).toEqual([
      429,
      '7',
      'Wait.',
    ]);
  });
});
