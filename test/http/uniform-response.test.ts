import { describe, expect, test } from 'vitest';
import { createUniformResponses } from '../../src/http/leads/uniform-response.ts';
import { GatewayError } from '../../src/leads/errors.ts';
import { fault, success } from '../support/answers.ts';
import { directoryThat, startApp, testAccess } from '../support/app.ts';
import { putLead } from '../support/client.ts';
import { upstreamAt, bearer, keysText, ORIGIN, PUBLISHABLE, startKeyedGateway } from '../support/gateway.ts';
import { startUpstream } from '../support/upstream.ts';
import { readKeyFile } from '../../src/access/key-file.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const headers = { ...bearer(PUBLISHABLE.key), origin: ORIGIN };

/** Everything in an answer except what differs between any two: the ids, the time of day and how many may follow. */
function shapeOf(answer: { status: number; headers: Headers; text: string }): unknown {
  const shown = [...answer.headers].map(([name, value]) =>
    ['x-request-id', 'traceparent', 'date', 'ratelimit'].includes(name) ? [name] : [name, value],
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

  describe('by the time it takes', () => {
    const STEP_MS = 5000;

    /** The virtual times at which leads are answered that the upstream takes so long for. */
    async function answeredAfter(
      leads: readonly { ms: number; fails?: 'lead-rejected' | 'upstream-error' }[],
    ) {
      const clock = createVirtualClock();
      const responses = createUniformResponses(clock, STEP_MS);
      const times = leads.map(({ ms, fails }) => {
        const write = async () => {
          await new Promise<void>((resolve) => void clock.setTimer(resolve, ms));
          if (fails !== undefined) throw new GatewayError(fails, { detail: 'No.' });
        };
        const ended = () => clock.monotonicMs();
        return responses.hide(write).then(ended, ended);
      });
      await clock.advance(60_000);
      expect(clock.timers()).toBe(0);
      return Promise.all(times);
    }

    test('for every delay up to the step, stored or refused: 2,000 samples', EXHAUSTIVE, async () => {
      const samples = Array.from({ length: 1000 }, (_, index) => {
        const ms = 50 + (index * 2950) / 999;
        return index % 2 === 0
          ? [{ ms }, { ms: ms * 1.5 }]
          : [
              { ms },
              {
                ms: ms / 3,
                fails: index % 3 === 0 ? ('upstream-error' as const) : ('lead-rejected' as const),
              },
            ];
      });
      expect(new Set(await answeredAfter(samples.flat()))).toEqual(new Set([STEP_MS]));
    });

    test('and where the upstream takes longer than the step, at the end of a later one', async () => {
      const leads = [STEP_MS - 1, STEP_MS + 1, STEP_MS * 1.9, STEP_MS * 2.1].map((ms) => ({ ms }));
      expect(await answeredAfter(leads)).toEqual([1, 2, 2, 3].map((steps) => steps * STEP_MS));
    });

    test('over HTTP', async () => {
      const clock = createVirtualClock();
      let asked = 0;
      const { url } = await startMasked({
        uniformResponses: createUniformResponses(clock, STEP_MS),
        directory: directoryThat(async () => {
          asked += 1;
          await new Promise<void>((resolve) => void clock.setTimer(resolve, 20 * asked));
          return { leadId: 1, status: 'CREATED' };
        }),
      });
      let answered = 0;
      const answers = ['a@b.c', 'b@b.c'].map(async (email) => {
        const { status } = await putLead(url, { email }, headers);
        answered += 1;
        return status;
      });
      await expect.poll(() => asked).toBe(2);
      await clock.advance(STEP_MS - 1);
      expect([answered, clock.timers()]).toEqual([0, 2]);
      await clock.advance(1);
      expect(await Promise.all(answers)).toEqual([202, 202]);
      expect([clock.monotonicMs(), clock.timers()]).toEqual([STEP_MS, 0]);
    });
  });

  test('but is not made to wait by a gateway that stops', async () => {
    const clock = createVirtualClock();
    const responses = createUniformResponses(clock, 5000);
    const ended: string[] = [];
    let endSlow = () => {};
    const quick = responses.hide(async () => {}).then(() => ended.push('quick'));
    const slow = responses
      .hide(() => new Promise<void>((resolve) => (endSlow = resolve)))
      .then(() => ended.push('slow'));
    await clock.advance(1000);
    expect(ended).toEqual([]);
    responses.hurry();
    await quick;
    expect(ended).toEqual(['quick']);
    endSlow();
    await slow;
    expect([ended, clock.monotonicMs(), clock.timers()]).toEqual([['quick', 'slow'], 1000, 0]);
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
