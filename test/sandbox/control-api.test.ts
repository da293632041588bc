import { describe, expect, test } from 'vitest';
import { sendRaw } from '../support/client.ts';
import {
  attributes,
  email,
  foreign,
  type SandboxLead,
  startStillSandbox,
  START,
  timestampOf,
} from '../support/sandbox.ts';
import { EXHAUSTIVE, testEvery } from '../support/exhaustive.ts';

describe('leads', () => {
  test('are listed with keys, partition, values and times', async () => {
    const marketo = await startStillSandbox();
    await marketo.sync(email('a@b.c') + foreign('F1') + attributes({ FirstName: 'Ann', LeadScore: '5' }), {
      cookie: 'c1',
      workspace: 'Europe',
    });
    expect(await marketo.control('GET', '/leads')).toEqual({
      total: 1,
      leads: [
        {
          id: 1000001,
          email: 'a@b.c',
          foreignSysPersonId: 'F1',
          foreignSysType: 'SFDC',
          cookies: ['c1'],
          anonymous: false,
          partition: 'Europe',
          attributes: { FirstName: 'Ann', LeadScore: '5' },
          createdAt: '2026-03-02T12:00:00.000Z',
          updatedAt: '2026-03-02T12:00:00.000Z',
        },
      ],
    });
  });

  test('newest shows the leads written last, the latest first', async () => {
    const marketo = await startStillSandbox();
    for (const name of ['a', 'b', 'c', 'a']) await marketo.sync(email(`${name}@b.c`));
    const { total, leads } = await marketo.control('GET', '/leads?newest=2');
    expect(total).toBe(3);
    expect(leads.map((lead: SandboxLead) => lead.email)).toEqual(['a@b.c', 'c@b.c']);
  });

  test('one lead comes with its history', async () => {
    const marketo = await startStillSandbox();
    await marketo.sync(email('a@b.c') + attributes({ FirstName: 'Ann' }));
    marketo.tick(1000);
    await marketo.sync(email('a@b.c') + attributes({ FirstName: '' }));
    expect((await marketo.control('GET', '/leads/1000001')).history).toEqual([
      {
        time: '2026-03-02T12:00:00.000Z',
        operation: 'syncLead',
        event: 'CREATED',
        matchedBy: null,
        changes: [
          { field: 'Email', from: null, to: 'a@b.c' },
          { field: 'FirstName', from: null, to: 'Ann' },
        ],
      },
      {
        time: '2026-03-02T12:00:01.000Z',
        operation: 'syncLead',
        event: 'UPDATED',
        matchedBy: 'Email',
        changes: [{ field: 'FirstName', from: 'Ann', to: null }],
      },
    ]);
  });

  test('are deleted, and ids count from the start again', async () => {
    const marketo = await startStillSandbox();
    await marketo.sync(email('a@b.c'));
    await marketo.control('DELETE', '/leads');
    expect((await marketo.control('GET', '/leads')).total).toBe(0);
    expect((await marketo.sync(email('a@b.c'))).leadId).toBe(1000001);
  });

  test('a visit makes an anonymous lead once, in the workspace it names', async () => {
    const marketo = await startStillSandbox();
    const first = await fetch(`${marketo.url}/_sandbox/visits`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json; charset=utf-8' },
      body: '{"cookie":"c","workspace":"europe"}',
    });
    expect(first.status).toBe(201);
    expect(await first.json()).toMatchObject({ anonymous: true, cookies: ['c'], partition: 'Europe' });
    const again = await marketo.control('POST', '/visits', { cookie: 'c' });
    expect(again.id).toBe(1000001);
    expect((await marketo.control('GET', '/leads')).total).toBe(1);
  });
});

describe('the call log', () => {
  test('keeps time, operation, records, outcome and duration, and no content of the call', async () => {
    const marketo = await startStillSandbox();
    await marketo.sync(email('secret@b.c'));
    await marketo.call('<ns1:paramsSomething/>');
    await marketo.post('no XML');
    const log = await marketo.control('GET', '/calls');
    expect(log.calls).toEqual([
      {
        number: 1,
        time: '2026-03-02T12:00:00.000Z',
        operation: 'syncLead',
        records: 1,
        outcome: 'CREATED',
        statuses: { CREATED: 1 },
        durationMs: 0,
      },
      {
        number: 2,
        time: '2026-03-02T12:00:00.000Z',
        operation: 'unknown',
        records: 0,
        outcome: 'FAULT',
        faultCode: 20019,
        durationMs: 0,
      },
      {
        number: 3,
        time: '2026-03-02T12:00:00.000Z',
        operation: 'unknown',
        records: 0,
        outcome: 'FAULT',
        faultCode: 20012,
        durationMs: 0,
      },
    ]);
    expect(JSON.stringify(log)).not.toMatch(/secret|[0-9a-f]{40}|encryption/);
    expect(JSON.stringify(log)).not.toContain(timestampOf(START));
  });

  test('is cleared, and numbers go on', async () => {
    const marketo = await startStillSandbox();
    await marketo.sync(email('a@b.c'));
    await marketo.control('DELETE', '/calls');
    await marketo.sync(email('a@b.c'));
    expect((await marketo.control('GET', '/calls')).calls).toMatchObject([{ number: 2 }]);
  });

  test('keeps the last thousand calls, and newest shows the last of them', EXHAUSTIVE, async () => {
    const marketo = await startStillSandbox();
    const post = (connection: string) =>
      `POST /soap/mktows/2_9 HTTP/1.1\r\nHost: x\r\nConnection: ${connection}\r\nContent-Length: 1\r\n\r\nx`;
    await sendRaw(marketo.url, post('keep-alive').repeat(1049) + post('close'));
    const { calls } = await marketo.control('GET', '/calls');
    expect([calls.length, calls[0]?.['number'], calls.at(-1)?.['number']]).toEqual([1000, 51, 1050]);
    expect((await marketo.control('GET', '/calls?newest=1')).calls).toMatchObject([{ number: 1050 }]);
  });
});

describe('settings', () => {
  test('fields are replaced as a whole, Email stays', async () => {
    const marketo = await startStillSandbox();
    await marketo.control('PUT', '/fields', { fields: [{ name: 'Shoe size', type: 'integer' }] });
    expect((await marketo.control('GET', '/fields')).fields).toEqual([
      { name: 'Email', type: 'email' },
      { name: 'Shoe size', type: 'integer' },
    ]);
    const answer = await marketo.sync(email('a@b.c') + attributes({ 'Shoe size': '42' }));
    expect(answer.value('attrType')).toBe('integer');
    expect((await marketo.sync(email('a@b.c') + attributes({ FirstName: 'Ann' }))).fault).toBe(20105);
  });

  test('one field is added, or given another type', async () => {
    const marketo = await startStillSandbox();
    await marketo.control('POST', '/fields', { name: 'Discount', type: 'percent' });
    await marketo.control('POST', '/fields', { name: 'Discount', type: 'float' });
    const { fields } = await marketo.control('GET', '/fields');
    expect(fields.filter(({ name }: { name: string }) => name === 'Discount')).toEqual([
      { name: 'Discount', type: 'float' },
    ]);
    expect(fields.some(({ name }: { name: string }) => name === 'FirstName')).toBe(true);
  });

  test('workspaces are shown, replaced, and switched off without being lost', async () => {
    const marketo = await startStillSandbox();
    const start = await marketo.control('GET', '/workspaces');
    expect(start).toEqual({
      enabled: true,
      workspaces: [
        { name: 'Default', primaryPartition: 'Default' },
        { name: 'Europe', primaryPartition: 'Europe' },
      ],
    });
    expect(await marketo.control('PUT', '/workspaces', { enabled: false })).toEqual({
      ...start,
      enabled: false,
    });
  });

  test('assignment rules are shown as they were put', async () => {
    const marketo = await startStillSandbox();
    const rules = { rules: [{ attribute: 'Country', equals: 'Japan', partition: 'Asia' }] };
    expect(await marketo.control('PUT', '/assignment-rules', rules)).toEqual(rules);
    expect(await marketo.control('GET', '/assignment-rules')).toEqual(rules);
  });

  test('reset puts everything back', async () => {
    const marketo = await startStillSandbox({ limits: { callsPerDay: 50 } });
    await marketo.sync(email('a@b.c'));
    await marketo.control('PUT', '/workspaces', { enabled: false });
    await marketo.control('PUT', '/fields', { fields: [] });
    await marketo.control('PUT', '/limits', { callsPerDay: 1 });
    await marketo.control('POST', '/next', { delayMs: 5 });
    await marketo.control('POST', '/reset');
    expect((await marketo.control('GET', '/leads')).total).toBe(0);
    expect((await marketo.control('GET', '/calls')).calls).toEqual([]);
    expect((await marketo.control('GET', '/workspaces')).enabled).toBe(true);
    expect((await marketo.control('GET', '/fields')).fields.length).toBeGreaterThan(50);
    expect((await marketo.control('GET', '/next')).waiting).toEqual([]);
    const { limits, used } = await marketo.control('GET', '/limits');
    expect([limits['callsPerDay'], used['today']]).toEqual([50, 0]);
  });
});

describe('mistakes are answered with a problem that says what to do', () => {
  testEvery(3, [
    ['PUT', '/fields', { fields: [{ name: 'x', type: 'colour' }] }, 400, /type must be one of string, text/],
    ['PUT', '/fields', { fields: {} }, 400, /fields must be a list/],
    ['POST', '/fields', { name: '', type: 'text' }, 400, /name must be a text/],
    ['POST', '/fields', { name: 'a\u0001', type: 'text' }, 400, /name must be a text that XML can carry/],
    ['PUT', '/workspaces', { workspaces: [] }, 400, /one of them must be named Default/],
    [
      'PUT',
      '/workspaces',
      { workspaces: ['Default', 'DEFAULT'].map((name) => ({ name, primaryPartition: 'p' })) },
      400,
      /two names are the same/,
    ],
    ['PUT', '/assignment-rules', { rules: [{ attribute: 'Country' }] }, 400, /equals must be a string/],
    ['PUT', '/limits', { callsPerDay: 1.5 }, 400, /callsPerDay must be an integer from 0/],
    [
      'PUT',
      '/limits',
      { callsPerWeek: 5 },
      400,
      /callsPerWeek is not known here. Known: enabled, callsPer20Seconds/,
    ],
    ['PUT', '/limits', [], 400, /The body must be a JSON object/],
    ['POST', '/next', {}, 400, /Give one of fault, garbage, reset or delayMs/],
    ['POST', '/next', { fault: { code: 12345 } }, 400, /12345 is not a fault code/],
    ['POST', '/next', { reset: 'now' }, 400, /reset must be one of on-arrival, before-headers, mid-body/],
    ['POST', '/next', { fault: { code: 20011 }, reset: 'mid-body' }, 400, /fault and reset cannot happen/],
    ['POST', '/next', { delayMs: -1 }, 400, /delayMs must be an integer from 0/],
    ['POST', '/next', { delayMs: 1, times: 0 }, 400, /times must be an integer from 1/],
    ['POST', '/next', { garbage: { contentType: 'a\r\nb' } }, 400, /printable ASCII/],
    ['POST', '/next', { garbage: { headers: { 'a b': 'c' } } }, 400, /a b is not a header name/],
    ['POST', '/visits', {}, 400, /cookie must be a string/],
    ['POST', '/visits', { cookie: 'c', workspace: 'Atlantis' }, 400, /Workspace Atlantis does not exist/],
    ['GET', '/leads/77', undefined, 404, /There is no lead 77/],
    ['GET', '/leads/x', undefined, 404, /There is no lead x/],
    ['GET', '/leads?newest=all', undefined, 400, /newest must be a whole number/],
    ['GET', '/nothing', undefined, 404, /See \/_sandbox\/openapi.json/],
    ['GET', '/__proto__', undefined, 404, /There is nothing at/],
    ['GET', '/reset', undefined, 405, /Use POST here/],
    ['PUT', '/leads', {}, 405, /Use GET, DELETE here/],
  ])('%s %s %j', async (method, path, body, status, detail) => {
    const { url } = await startStillSandbox();
    const headers = { 'content-type': 'application/json' };
    const init = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) };
    const answer = await fetch(`${url}/_sandbox${path}`, init);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ status, detail: expect.stringMatching(detail) });
  });

  testEvery(2, [
    ['broken JSON', 'application/json', '{', 400],
    ['no body', 'application/json', '', 400],
    ['JSON as plain text', 'text/plain', '{}', 415],
    ['a form', 'application/x-www-form-urlencoded', 'a=b', 415],
    ['too much', 'application/json', `"${'x'.repeat(1024 * 1024)}"`, 413],
  ])('%s', async (_what, contentType, body, status) => {
    const { url } = await startStillSandbox();
    const response = await fetch(`${url}/_sandbox/next`, {
      method: 'POST',
      headers: { 'Content-Type': contentType },
      body,
    });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({
      status,
      title: expect.any(String),
      detail: expect.any(String),
    });
  });

  test('a wrong method is answered with Allow', async () => {
    const { url } = await startStillSandbox();
    const response = await fetch(`${url}/_sandbox/next`, { method: 'PATCH' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, POST, DELETE']);
  });
});

const get = (...headers: string[]) =>
  ['GET /_sandbox/leads HTTP/1.1', 'Connection: close', ...headers, '', ''].join('\r\n');

describe('the control API is for this machine', () => {
  testEvery(3, [
    ['localhost', 200],
    ['localhost:8081', 200],
    ['LOCALHOST', 200],
    ['127.0.0.1:1', 200],
    ['127.9.9.9', 200],
    ['[::1]:8081', 200],
    ['evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['192.168.0.1', 403],
  ])('Host %s is answered with %i', async (host, status) => {
    const { url } = await startStillSandbox();
    expect(await sendRaw(url, get(`Host: ${host}`))).toMatch(new RegExp(`^HTTP/1.1 ${status}`));
  });

  testEvery(2, [
    ['http://localhost:8081', 200],
    ['http://localhost:9999', 403],
    ['https://localhost:8081', 403],
    ['http://evil.example', 403],
    ['null', 403],
  ])('Origin %s is answered with %i', async (origin, status) => {
    const { url } = await startStillSandbox();
    const answer = await sendRaw(url, get('Host: localhost:8081', `Origin: ${origin}`));
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status}`));
  });

  test('a page of another site may not fetch, but may link', async () => {
    const { url } = await startStillSandbox();
    const from = (mode: string) =>
      sendRaw(url, get('Host: localhost', 'Sec-Fetch-Site: cross-site', `Sec-Fetch-Mode: ${mode}`));
    expect(await from('no-cors')).toMatch(/^HTTP\/1.1 403/);
    expect(await from('navigate')).toMatch(/^HTTP\/1.1 200/);
  });
});
