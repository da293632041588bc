import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { fault, success } from '../support/answers.ts';
import { SECRET, startKeyedGateway, type TestGateway, upstreamAt } from '../support/gateway.ts';
import { outboxFile } from '../support/outbox.ts';
import { type Behaviour, startUpstream } from '../support/upstream.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';
import { portApart } from '../support/port-apart.ts';

/*
 * The engine of Power Automate and Logic Apps as its documentation has it ("Perform long-running tasks with the
 * asynchronous pattern"): after a 202 with Location it asks there until the answer is another one, with the key of the
 * connection, after the seconds in Retry-After. What fails on the way it tries again.
 */

type Seen = { readonly status: number; readonly headers: Headers; readonly body: any };

const CONNECTION = { 'x-api-key': SECRET.key };

/** The answer of one request, tried again while no one answers. */
async function ask(url: URL, init: RequestInit): Promise<Seen> {
  for (;;) {
    try {
      const response = await fetch(url, { redirect: 'manual', ...init });
      return { status: response.status, headers: response.headers, body: await response.json() };
    } catch {
      await pause(20);
    }
  }
}

/** Runs the action; what an action gives is the last answer. `onPoll` is called before each look. */
async function runAction(
  base: string,
  lead: object,
  onPoll: (nth: number, last: Seen) => Promise<void> | void = () => {},
): Promise<{ readonly first: Seen; readonly last: Seen; readonly polls: number }> {
  const first = await ask(new URL(`${base}/leads`), {
    method: 'PUT',
    headers: { ...CONNECTION, 'content-type': 'application/json', prefer: 'respond-async' },
    body: JSON.stringify(lead),
  });
  let last = first;
  let polls = 0;
  while (last.status === 202) {
    const location = last.headers.get('location') ?? '';
    // "The absolute path to a URL": it is resolved against the connector's host.
    expect(location).toMatch(/^\/(?:[\w-]+\/)*receipts\/[\w-]{22}$/);
    expect(last.headers.get('retry-after')).toMatch(/^[1-9]\d{0,2}$/);
    // Seconds take too long for a test.
    await pause(20);
    await onPoll(polls, last);
    last = await ask(new URL(location, base), { headers: CONNECTION });
    polls += 1;
  }
  return { first, last, polls };
}

/** A gateway on a file of its own, which can be stopped and started again on the same port. */
async function startWith(behave: Behaviour, env: Readonly<Record<string, string>> = {}) {
  const { endpoint } = await startUpstream(behave);
  const settings = { ...upstreamAt(endpoint), OUTBOX_URL: `file:${outboxFile()}`, ...env };
  const port = `${await portApart()}`;
  let running: TestGateway = await startKeyedGateway([SECRET], { ...settings, PORT: port });
  return {
    url: running.url,
    async restart() {
      await running.close();
      running = await startKeyedGateway([SECRET], { ...settings, PORT: port });
    },
  };
}

const JANE = { email: 'jane@example.com' };
const DELIVERED = {
  state: 'delivered',
  acceptedAt: expect.any(String),
  deliveredAt: expect.any(String),
  result: { leadId: 1089965, status: 'UPDATED' },
};

test('the action waits until the lead is delivered', async () => {
  let isDown = true;
  const { url } = await startWith((response) => {
    if (isDown) response.destroy();
    else response.end(success());
  });
  const seen: any[] = [];
  const { first, last, polls } = await runAction(url, JANE, (nth, { body }) => {
    seen.push(body);
    if (nth === 3) isDown = false;
  });
  expect(first.headers.get('preference-applied')).toBe('respond-async');
  expect(first.body).toEqual({ status: 'ACCEPTED', receipt: first.headers.get('location') });
  expect(polls).toBeGreaterThan(3);
  expect(seen.slice(1).map(({ state }) => state)).toEqual(seen.slice(1).map(() => 'pending'));
  expect(last).toMatchObject({ status: 200, body: DELIVERED });
});

test('the gateway is stopped and started in the middle', EXHAUSTIVE, async () => {
  let isDown = true;
  const gateway = await startWith((response) => {
    if (isDown) response.destroy();
    else response.end(success());
  });
  const { first, last } = await runAction(gateway.url, JANE, async (nth) => {
    if (nth === 1 || nth === 3) await gateway.restart();
    if (nth === 4) isDown = false;
  });
  expect(last).toMatchObject({ status: 200, body: DELIVERED });
  expect(last.body.acceptedAt <= last.body.deliveredAt).toBe(true);
  expect(first.status).toBe(202);
});

test('a lead that has failed ends the wait with 200, and state says it', async () => {
  const { url } = await startWith((response) => {
    response
      .writeHead(500, { 'content-type': 'text/xml' })
      .end(
        fault(
          20105,
          'Unknown lead field',
          'syncLead operation failed: unknown fields for import: pants (20105)',
        ),
      );
  });
  const { last } = await runAction(url, { ...JANE, attributes: { pants: 'x' } });
  expect(last).toMatchObject({
    status: 200,
    body: { state: 'failed', problem: { status: 422, errors: [{ pointer: '#/attributes/pants' }] } },
  });
});

test('the action that is refused ends at once', async () => {
  const { url } = await startWith((response) => void response.end(success()));
  const { first, polls } = await runAction(url, { email: 'none' });
  expect([first.status, polls]).toEqual([422, 0]);
});

test('a path in front of the gateway is in the path of the receipt', async () => {
  const { url } = await startWith((response) => void response.end(success()), {
    PUBLIC_URL: 'https://example.com/crm',
  });
  const { first, last } = await runAction(`${url}/crm`, JANE);
  expect(first.headers.get('location')).toMatch(/^\/crm\/receipts\//);
  expect(last).toMatchObject({ status: 200, body: DELIVERED });
});
