import { describe, expect, test, vi } from 'vitest';
import { RESPONSE_STEP_MS } from '../../src/http/leads/routes.ts';
import { GatewayError } from '../../src/leads/errors.ts';
import { fault, success } from '../support/answers.ts';
import { directoryThat, startApp, testAccess } from '../support/app.ts';
import { putLead } from '../support/client.ts';
import { upstreamAt, bearer, keysText, ORIGIN, PUBLISHABLE, startKeyedGateway } from '../support/gateway.ts';
import { startUpstream } from '../support/upstream.ts';
import { readKeyFile } from '../../src/access/key-file.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const headers = { ...bearer(PUBLISHABLE.key), origin: ORIGIN };

/** Everything in an answer except what differs between any two: the ids and the time of day. */
function shapeOf(answer: { status: number; headers: Headers; text: string }): unknown {
  const shown = [...answer.headers].map(([name, value]) =>
    ['x-request-id', 'traceparent', 'date'].includes(name) ? [name] : [name, value],
  );
  return [answer.status, shown, answer.text];
}

/** An app that knows the publishable key. */
function startMasked(deps: Parameters<typeof startApp>[0]) {
  const keys = readKeyFile(keysText([PUBLISHABLE]));
  return startApp({
    access: testAccess({ keys: { keyring: () => (keys.ok ? keys.keyring : expect.fail()) } }),
    ...deps,
  });
}

describe('a publishable key learns nothing about the person', () => {
  test('whether the lead is new, known, unchanged or refused because of the person', async () => {
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

  test.each([
    ['a known person', 20],
    ['a new one, which takes the upstream longer', 150],
  ])('by the time it takes: %s', async (_who, upstreamMs) => {
    const clock = createVirtualClock();
    let asked = 0;
    const { url } = await startMasked({
      clock,
      directory: directoryThat(async () => {
        asked += 1;
        await new Promise<void>((resolve) => void clock.setTimer(resolve, upstreamMs));
        return { leadId: 1, status: 'CREATED' };
      }),
    });
    let answeredAt: number | undefined;
    const answer = putLead(url, { email: 'a@b.c' }, headers).then(({ status }) => {
      answeredAt = clock.monotonicMs();
      return status;
    });
    await vi.waitFor(() => expect(asked).toBe(1));
    await clock.advance(RESPONSE_STEP_MS - 1);
    expect([answeredAt, clock.timers()]).toEqual([undefined, 1]);
    await clock.advance(1);
    expect([await answer, answeredAt, clock.timers()]).toEqual([202, RESPONSE_STEP_MS, 0]);
  });

  test("in the upstream's words, which others get", async () => {
    const gateways = [
      fault(20105, 'x', 'unknown fields for import: FirstName (20105)'),
      fault(20017, 'Odd jane@b.c'),
    ];
    const check = async (body: string) => {
      const upstream = await startUpstream((response) => {
        response.writeHead(500, { 'content-type': 'text/xml' }).end(body);
      });
      const gateway = await startKeyedGateway([PUBLISHABLE], upstreamAt(upstream.endpoint));
      const answer = await gateway.putLead({ email: 'a@b.c', attributes: { FirstName: 'A' } }, { headers });
      expect(answer.status).toBe(body === gateways[0] ? 422 : 502);
      expect(answer.body).not.toHaveProperty('upstream');
      expect(answer.text).not.toContain('jane');
      expect(answer.headers.has('server-timing')).toBe(false);
    };
    await Promise.all(gateways.map(check));
  });

  test('but does learn that the lead could not be taken', async () => {
    const { url } = await startMasked({
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
