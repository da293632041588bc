import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { restClient } from '../support/rest.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { attributes, email, foreign, startStillSandbox } from '../support/sandbox.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const FOLDER = new URL('../../assets/sandbox/', import.meta.url);

describe('the page for people', () => {
  test.each(['/_sandbox', '/_sandbox/', '/'])('is found at %s', async (path) => {
    const { url } = await startStillSandbox();
    const response = await fetch(url + path);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await response.text()).toContain('<h1>Marketo sandbox</h1>');
  });

  test('runs nothing but its own files', async () => {
    const { url } = await startStillSandbox();
    const response = await fetch(`${url}/_sandbox`);
    const policy = response.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'");
    expect(policy).not.toContain('unsafe');
    const html = await response.text();
    expect(html).not.toMatch(/ style=| on\w+=|<script>|<style|https?:\/\//);
    for (const [, file = ''] of html.matchAll(/(?:href|src)="(\/_sandbox\/[^"]+)"/g)) {
      expect((await fetch(url + file)).status).toBe(200);
    }
  });

  test('weighs less than 40 kB, all files together', () => {
    const files = ['index.html', 'page.js', '../pages/parts.js', '../pages/base.css'];
    const bytes = files.reduce((sum, file) => sum + readFileSync(new URL(file, FOLDER)).length, 0);
    expect(bytes).toBeLessThan(40_000);
  });

  test('is refused under a foreign name, as the control API is', async () => {
    const { url } = await startStillSandbox();
    const response = await fetch(`${url}/_sandbox`, { headers: { Origin: 'http://evil.example' } });
    expect(response.status).toBe(403);
  });

  test('is notified of changes', async () => {
    const timers = createVirtualClock();
    const marketo = await startStillSandbox({ timers });
    const stream = await fetch(`${marketo.url}/_sandbox/events`);
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toBe('retry: 1000\n\n');
    for (const change of [
      () => marketo.sync(email('a@b.c')),
      () => marketo.control('PUT', '/limits', { enabled: true }),
      () => marketo.control('POST', '/next', { delayMs: 1 }),
    ]) {
      await change();
      await change();
      await timers.advance(100);
      expect((await reader.read()).value).toBe('event: change\ndata: {}\n\n');
    }
    await timers.advance(15_000);
    expect((await reader.read()).value).toBe(': heartbeat\n\n');
    await marketo.close();
    await expect(reader.read()).rejects.toThrow('terminated');
  });
});

const pointer = (text: string) => encodeURIComponent(text.replaceAll('~', '~0').replaceAll('/', '~1'));

describe("the control API's OpenAPI file", () => {
  const document = JSON.parse(readFileSync(new URL('openapi.json', FOLDER), 'utf8')) as {
    paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
  };
  const ajv = new Ajv2020({ strict: false, validateFormats: false }).addSchema(document, 'api');

  /** What differs from the document in the answer to one request; null when nothing does. */
  async function difference(
    url: string,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<string | null> {
    const response = await fetch(`${url}/_sandbox${path}`, {
      method,
      ...(body !== undefined && {
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
    const template = path.replace(/\?.*/, '').replace(/\/\d+$/, '/{id}');
    const where = `api#/paths/${pointer(template)}/${method.toLowerCase()}/responses/${response.status}`;
    const text = await response.text();
    if (!document.paths[template]?.[method.toLowerCase()]?.responses[response.status]) return `no ${where}`;
    if (text === '') return null;
    const type = pointer(response.headers.get('content-type') ?? '');
    const valid = ajv.validate(`${where}/content/${type}/schema`, JSON.parse(text));
    return valid ? null : `${where}: ${ajv.errorsText()}`;
  }

  test('is served', async () => {
    const { url } = await startStillSandbox();
    expect(await (await fetch(`${url}/_sandbox/openapi.json`)).json()).toEqual(document);
  });

  test('describes what is answered', EXHAUSTIVE, async () => {
    const marketo = await startStillSandbox({ limits: {} });
    await marketo.sync(email('a@b.c') + foreign('F1') + attributes({ FirstName: 'Ann' }), { cookie: 'c' });
    await marketo.sync(email('a@b.c'));
    await marketo.call('<ns1:paramsFly/>');
    const rest = restClient(marketo);
    await rest.results([{ email: 'a@b.c' }, { email: 'b@b.c', pants: 1 }], { partitionName: 'Default' });
    await rest.find('email', 'a@b.c');
    await rest.request('PUT', '/leads.json');
    for (const [method, path, body] of [
      ['GET', '/leads'],
      ['GET', '/leads?newest=1'],
      ['GET', '/leads?newest=x'],
      ['GET', '/leads/1000001'],
      ['GET', '/leads/7'],
      ['POST', '/visits', { cookie: 'new' }],
      ['POST', '/visits', { cookie: 'new' }],
      ['POST', '/visits', {}],
      ['GET', '/leads?search=ann'],
      ['GET', '/calls'],
      ['GET', '/calls/1'],
      ['GET', '/calls/999'],
      ['GET', '/gateway'],
      ['POST', '/send', { lead: {} }],
      ['DELETE', '/calls'],
      ['POST', '/next', { fault: { code: 20016 }, delayMs: 5, times: 2 }],
      ['POST', '/next', { garbage: {} }],
      ['POST', '/next', { reset: 'mid-body' }],
      ['POST', '/next', {}],
      ['POST', '/next', { error: { code: 606, message: 'x', status: 200 }, done: true, operation: 'sync' }],
      [
        'POST',
        '/next',
        { reasons: [{ index: 1, code: '1006' }], results: -1, truncate: true, processingMs: 5 },
      ],
      ['GET', '/next'],
      ['DELETE', '/next'],
      ['GET', '/limits'],
      ['PUT', '/limits', { callsPerDay: 5 }],
      ['PUT', '/limits', { callsPerDay: -5 }],
      ['GET', '/rest-limits'],
      ['PUT', '/rest-limits', { callsPerDay: 5 }],
      ['PUT', '/rest-limits', { callsPerDay: -5 }],
      ['GET', '/rest'],
      ['PUT', '/rest', { readOnly: ['firstName'], describeSoapNames: false, countTogether: false }],
      ['PUT', '/rest', { readOnly: ['pants'] }],
      ['GET', '/partitions'],
      ['PUT', '/partitions', { partitions: [{ name: 'Asia', access: false, description: 'East' }] }],
      ['PUT', '/partitions', {}],
      ['GET', '/token'],
      ['PUT', '/token', { secondsToLive: 1.5 }],
      ['PUT', '/token', {}],
      ['DELETE', '/token'],
      ['GET', '/workspaces'],
      ['PUT', '/workspaces', { enabled: false }],
      ['GET', '/assignment-rules'],
      ['PUT', '/assignment-rules', { rules: [{ attribute: 'a', equals: 'b', partition: 'c' }] }],
      ['GET', '/fields'],
      ['POST', '/fields', { name: 'Discount', type: 'percent' }],
      ['POST', '/fields', { name: 'Size', type: 'integer', restName: 'mktoSize' }],
      ['PUT', '/fields', { fields: [] }],
      ['DELETE', '/leads'],
      ['POST', '/reset'],
    ] as const) {
      expect(await difference(marketo.url, method, path, body)).toBeNull();
    }
  });
});
