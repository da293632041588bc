import { beforeEach, describe, expect, test } from 'vitest';
import type { Environment } from '../../src/config/files.ts';
import { type Answer, startTestGateway, type TestGateway } from '../support/gateway.ts';
import { startTestSandbox, type TestSandbox } from '../support/sandbox.ts';
import { startUpstream } from '../support/upstream.ts';
import { IS_THOROUGH } from '../support/fuzz.ts';
import { queued } from './gate.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

/** A call by SOAP asks for 100 of them, one by REST for 300. */
const LOOKUPS = IS_THOROUGH ? 1000 : 400;

const FORWARDED = ['content-type', 'soapaction', 'authorization'];

/** Stands before both faces of a sandbox and holds calls back until the test lets them go. */
async function startGate(sandbox: TestSandbox) {
  let held: Promise<void> | undefined;
  let waiting = 0;
  let open = () => {};
  const { port } = await startUpstream(async (response, { method, url, headers, body }) => {
    if (held !== undefined) {
      waiting += 1;
      await held;
    }
    const sent = FORWARDED.flatMap((name) =>
      headers[name] === undefined ? [] : [[name, String(headers[name])] as const],
    );
    const answer = await fetch(sandbox.url + url, {
      method,
      headers: Object.fromEntries(sent),
      ...(method === 'POST' && { body }),
    });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    response.end(await answer.text());
  });
  return {
    origin: `http://127.0.0.1:${port}`,
    hold() {
      waiting = 0;
      held = new Promise((resolve) => (open = resolve));
    },
    async reached() {
      await expect.poll(() => waiting, { timeout: 30_000 }).toBeGreaterThan(0);
    },
    release() {
      held = undefined;
      open();
    },
  };
}

const ENVIRONMENTS = {
  SOAP: (origin: string) => ({
    MARKETO_SOAP_ENDPOINT: `${origin}/soap/mktows/2_9`,
    MARKETO_USER_ID: 'sandbox',
    MARKETO_ENCRYPTION_KEY: 'sandbox-encryption-key',
  }),
  REST: (origin: string) => ({
    MARKETO_REST_ENDPOINT: `${origin}/rest`,
    MARKETO_CLIENT_ID: 'sandbox',
    MARKETO_CLIENT_SECRET: 'sandbox-client-secret',
  }),
} as const satisfies Record<string, (origin: string) => Environment>;

describe.each(['SOAP', 'REST'] as const)('lookups that wait, by %s', (name) => {
  let sandbox: TestSandbox;
  let gateway: TestGateway;
  let gate: Awaited<ReturnType<typeof startGate>>;

  beforeEach(async () => {
    sandbox = await startTestSandbox({ limits: 'off' });
    gate = await startGate(sandbox);
    gateway = await startTestGateway({
      ...ENVIRONMENTS[name](gate.origin),
      MARKETO_MAX_CONCURRENT: '1',
      MARKETO_MAX_CALLS_PER_20S: '100000',
      MARKETO_DAILY_CALLS: '1000000',
      REQUEST_DEADLINE_MS: '120000',
      UPSTREAM_TIMEOUT_MS: '60000',
    });
    // What has to be known of the subscription is known from here on.
    await get('/leads?email=warm@example.com');
  });

  const get = (path: string): Promise<Answer> => gateway.request('GET', path);

  /** Sends requests that gather behind a call, and returns their answers and how many calls were made for them. */
  async function together(
    ahead: () => Promise<Answer>,
    send: () => readonly Promise<Answer>[],
    waiting?: number,
  ) {
    gate.hold();
    const first = ahead();
    await gate.reached();
    const answers = send();
    await queued(gateway, waiting ?? answers.length);
    await sandbox.control('DELETE', '/calls');
    gate.release();
    await first;
    const all = await Promise.all(answers);
    const { calls } = await sandbox.control('GET', '/calls');
    return { answers: all, calls: calls as readonly { operation: string; records: number }[] };
  }

  const other = () => gateway.putLead({ email: 'other@example.com' });

  test(
    `${LOOKUPS} by email take few calls, and each gets its own answer`,
    { ...EXHAUSTIVE, timeout: 120_000 },
    async () => {
      await Promise.all(
        Array.from({ length: LOOKUPS / 50 }, (_, nth) =>
          gateway.putLead({ email: `p${nth * 50}@example.com`, attributes: { LeadScore: nth } }),
        ),
      );
      const { answers, calls } = await together(other, () =>
        Array.from({ length: LOOKUPS }, (_, nth) => get(`/leads?email=P${nth}@example.com&fields=LeadScore`)),
      );
      expect(calls.length - 1).toBeLessThanOrEqual(Math.ceil(LOOKUPS / (name === 'SOAP' ? 100 : 300)));
      for (const [nth, { status, body }] of answers.entries()) {
        expect(status).toBe(200);
        expect(body.leads.map(({ email, attributes }: any) => [email, attributes])).toEqual(
          nth % 50 === 0 ? [[`p${nth}@example.com`, { LeadScore: nth / 50 }]] : [],
        );
      }
    },
  );

  test('those that ask the same are joined, and those with other fields go in another call', async () => {
    const { answers, calls } = await together(
      other,
      () => [
        ...Array.from({ length: 20 }, () => get('/leads?email=a@example.com')),
        get('/leads?email=b@example.com&fields=City'),
      ],
      2,
    );
    expect(answers.every(({ body }) => body.leads.length === 0)).toBe(true);
    expect(calls).toHaveLength(3);
  });

  test('one goes after the leads with its key that came before it', async () => {
    const write = (score: number) =>
      gateway.putLead({ email: 'a@example.com', attributes: { LeadScore: score } });
    await write(1);
    const { answers } = await together(
      () => write(2),
      () => [get('/leads?email=A@example.com'), get('/leads?email=b@example.com')],
    );
    expect(answers[0]?.body.leads[0].attributes.LeadScore).toBe(2);
  });
});
