import { describe, expect, test } from 'vitest';
import { prefersHtml } from '../../../src/http/forms/answer.ts';
import { readKeyFile } from '../../../src/access/key-file.ts';
import { createTrap } from '../../../src/http/forms/honeypot.ts';
import { createUniformResponses } from '../../../src/http/leads/uniform-response.ts';
import { GatewayError } from '../../../src/leads/errors.ts';
import type { LeadOutbox } from '../../../src/leads/outbox.ts';
import { directoryThat, startApp, testAccess } from '../../support/app.ts';
import {
  type Entry,
  keysText,
  ORIGIN,
  PUBLISHABLE,
  SECRET,
  startKeyedGateway,
} from '../../support/gateway.ts';
import { outboxFile } from '../../support/outbox.ts';
import { postForm } from '../../support/post.ts';
import { createVirtualClock, untilTimers } from '../../support/virtual-clock.ts';
import { record } from '../../support/recordings.ts';
import { testEvery } from '../../support/exhaustive.ts';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
const PAGES = {
  successUrl: 'https://www.example.com/thanks',
  errorUrl: 'https://www.example.com/contact?form=1#form',
};

async function start(more: Partial<Entry> = {}, env: Readonly<Record<string, string>> = {}) {
  const gateway = await startKeyedGateway([SECRET, { ...PUBLISHABLE, ...more }], env);
  return {
    ...gateway,
    /** As a browser sends a form. */
    async submit(body: string, query = `?key=${PUBLISHABLE.key}`, headers: Record<string, string> = {}) {
      const answer = await fetch(`${gateway.url}/leads${query}`, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          accept: BROWSER,
          origin: ORIGIN,
          'sec-fetch-site': 'cross-site',
          'sec-fetch-mode': 'navigate',
          'sec-fetch-dest': 'document',
          ...headers,
        },
        body,
      });
      const text = await answer.text();
      record(text);
      return { status: answer.status, headers: answer.headers, text };
    },
  };
}

const OK = 'email=jane%40example.com&FirstName=Jane';

describe('a form post of a browser', () => {
  test('leads to the successUrl of its key', async () => {
    const { submit } = await start(PAGES);
    const { status, headers, text } = await submit(OK);
    expect([status, headers.get('location'), text]).toEqual([303, PAGES.successUrl, '']);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  test('leads to the errorUrl with the problem, and with nothing of the person', async () => {
    const { submit } = await start(PAGES);
    const { status, headers } = await submit('email=jane&FirstName=Jane');
    expect([status, headers.get('location')]).toEqual([
      303,
      'https://www.example.com/contact?form=1&problem=validation-failed#form',
    ]);
  });

  test('shows a page of the gateway where its key has none', async () => {
    const { submit } = await start();
    const { status, headers, text } = await submit(OK);
    expect([status, headers.get('content-type')]).toEqual([202, 'text/html; charset=utf-8']);
    expect(text).toContain('<h1>Thank you</h1>');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(text).not.toMatch(/<script|\sstyle=|\son\w+=/);
  });

  test('shows what is wrong, with everything escaped', async () => {
    const { submit } = await start();
    const name = encodeURIComponent('"><img src=x onerror=alert(1)>');
    const { status, text } = await submit(`email=jane@example.com&${name}=%3Cscript%3E`);
    expect(status).toBe(403);
    expect(text).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(text).not.toMatch(/<img|<script/);
    expect(text).toContain('<dt>');
  });

  test('does not say that nothing was stored where that is not known', async () => {
    const { url } = await startApp({
      directory: directoryThat(() => {
        throw new GatewayError('upstream-timeout', { detail: 'Marketo did not answer in time.' });
      }),
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: BROWSER };
    const answer = await fetch(`${url}/leads`, { method: 'POST', headers, body: OK });
    const text = await answer.text();
    expect(answer.status).toBe(504);
    expect(text).toContain('send the form again in a moment');
    expect(text).not.toContain('stored');
  });

  test('without a valid key shows a page, too, and goes nowhere', async () => {
    const { submit } = await start(PAGES);
    const { status, headers, text } = await submit(OK, '?key=lgp_x');
    expect([status, headers.get('location')]).toEqual([401, null]);
    expect(text).toContain('<h1>The form was not sent</h1>');
    expect(text).toContain('The credentials are missing or not valid');
  });

  test.each([
    `${OK}&successUrl=https://evil.example&redirect=//evil.example&next=x&_next=x&return=x`,
    `${OK}&errorUrl=javascript:alert(1)`,
  ])('goes nowhere that the request names: %s', async (body) => {
    const { submit } = await start({ ...PAGES, attributes: ['FirstName', '*Url', 're*', 'next', '_next'] });
    for (const query of [
      '',
      '&successUrl=https://evil.example&errorUrl=https://evil.example&url=//evil.example',
    ]) {
      const { headers } = await submit(body, `?key=${PUBLISHABLE.key}${query}`, {
        referer: 'https://evil.example/page',
        host: 'evil.example',
        'x-forwarded-host': 'evil.example',
      });
      expect(headers.get('location')).toMatch(/^https:\/\/www\.example\.com\/(?:thanks$|contact\?)/);
    }
  });

  test('of another origin stores nothing', async () => {
    const { submit, sandboxUrl } = await start(PAGES);
    const { status, headers } = await submit(OK, undefined, { origin: 'https://evil.example' });
    expect([status, headers.get('location')]).toEqual([
      303,
      'https://www.example.com/contact?form=1&problem=forbidden#form',
    ]);
    expect(await (await fetch(`${sandboxUrl}/_sandbox/leads`)).text()).not.toContain('jane@');
  });
});

testEvery<[accept: string | undefined, isHtml: boolean]>(3, [
  [undefined, false],
  ['*/*', false],
  ['', false],
  ['application/json', false],
  ['text/html', true],
  ['TEXT/HTML', true],
  [BROWSER, true],
  ['text/*', true],
  ['text/html, application/json', false],
  ['text/html;q=0.9, application/json', false],
  ['application/json;q=0.8, text/html;q=0.9', true],
  ['text/html;q=0, */*', false],
  ['text/html;q=2, */*;q=0.1', false],
  ['text/*;q=0.5, application/*;q=0.4', true],
])('Accept: %s asks for a page: %s', (accept, isHtml) => {
  expect(prefersHtml(accept)).toBe(isHtml);
});

describe('a honeypot', () => {
  const leadsOf = async (sandboxUrl: string) => (await fetch(`${sandboxUrl}/_sandbox/leads`)).text();

  testEvery<[what: string, type: string, body: string]>(2, [
    ['a form', 'application/x-www-form-urlencoded', `${OK}&nickname=bot`],
    ['JSON', 'application/json', '{"email":"jane@example.com","nickname":"bot"}'],
    ['attributes in JSON', 'text/plain', '{"email":"jane@example.com","attributes":{"nickname":"bot"}}'],
    [
      'a list of attributes',
      'application/json',
      '{"email":"jane@example.com","attributeList":[{"name":"nickname","value":"bot"}]}',
    ],
  ])('that is filled in, in %s, is answered as ever and stores nothing', async (_what, type, body) => {
    const gateway = await start({ honeypot: 'nickname' });
    const { status, text } = await gateway.submit(body, undefined, { accept: '*/*', 'content-type': type });
    expect([status, text]).toEqual([202, '{"status":"ACCEPTED"}']);
    expect(await leadsOf(gateway.sandboxUrl)).not.toContain('jane@');
    const metrics = await gateway.request('GET', '/metrics', {
      headers: { authorization: `Bearer ${SECRET.key}` },
    });
    expect(metrics.text).toMatch(/^lead_gateway_honeypot_total\{caller="web-form"\} 1$/m);
    expect(gateway.logs.join('')).toContain('"honeypot":true');
  });

  test.each(['sync', 'accept', 'fallback'] as const)(
    'that is filled in stores nothing with an outbox and delivery %s',
    async (delivery) => {
      const gateway = await start({ honeypot: 'nickname', delivery }, { OUTBOX_URL: `file:${outboxFile()}` });
      expect((await gateway.submit(`${OK}&nickname=bot`)).status).toBe(202);
      // What came before the second lead would be there.
      await gateway.submit('email=mary@example.com');
      await expect.poll(() => leadsOf(gateway.sandboxUrl)).toContain('mary@');
      expect(await leadsOf(gateway.sandboxUrl)).not.toContain('jane@');
    },
  );

  test('that is empty or missing is not part of the lead', async () => {
    const gateway = await start({ honeypot: 'nickname', attributes: ['FirstName'] });
    for (const body of [`${OK}&nickname=`, OK]) expect((await gateway.submit(body)).status).toBe(202);
    const json = { 'content-type': 'application/json' };
    expect((await gateway.submit('{"email":"mary@example.com","nickname":""}', undefined, json)).status).toBe(
      202,
    );
    expect(await leadsOf(gateway.sandboxUrl)).toMatch(/jane@[^]*mary@|mary@[^]*jane@/);
  });

  test('changes neither status nor headers nor body, and is answered at the same moment', async () => {
    const clock = createVirtualClock();
    const read = readKeyFile(keysText([{ ...PUBLISHABLE, honeypot: 'nickname' }]));
    const { url } = await startApp({
      clock,
      uniformResponses: createUniformResponses(clock, 5000),
      access: testAccess({ keys: { keyring: () => (read.ok ? read.keyring : expect.fail()) } }),
    });
    const shapes = [];
    for (const body of [OK, `${OK}&nickname=bot`]) {
      const startedMs = clock.monotonicMs();
      const answer = postForm(url, new URLSearchParams(body), {
        authorization: `Bearer ${PUBLISHABLE.key}`,
        origin: ORIGIN,
      });
      await untilTimers(clock, 1);
      await clock.advance(5000);
      const { status, headers, text } = await answer;
      const names = Object.keys(headers);
      shapes.push({ status, names, text, tookMs: clock.monotonicMs() - startedMs });
    }
    expect(shapes[1]).toEqual(shapes[0]);
  });

  test('is answered as late as the outbox last took to keep a lead', async () => {
    const clock = createVirtualClock();
    const trap = createTrap(clock);
    const pause = () => new Promise<void>((resolve) => void clock.setTimer(resolve, 7));
    const outbox = {
      accept: async () => {
        await pause();
        return { id: 'x', answerWithin: async () => undefined };
      },
      receipt: async () => undefined,
      recall: async () => undefined,
    } as unknown as LeadOutbox;
    const [command, request] = [{} as never, {} as never];
    const kept = trap.watch(outbox).accept(command, request);
    await clock.advance(7);
    await kept;
    const startedMs = clock.monotonicMs();
    const pretended = trap.standIn(outbox).accept(command, request);
    await clock.advance(7);
    expect(await pretended).toMatchObject({ id: '' });
    expect(clock.monotonicMs() - startedMs).toBe(7);
  });
});
