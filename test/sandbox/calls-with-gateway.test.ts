import { describe, expect, test } from 'vitest';
import { SECRET, startKeyedGateway, startTestGateway } from '../support/gateway.ts';
import { controlOf, email, startStillSandbox } from '../support/sandbox.ts';
import { restClient } from '../support/rest.ts';
import { TEST_KEYS } from '../support/recordings.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

describe('a call is shown as it was sent', () => {
  test('by SOAP without the signature', async () => {
    const marketo = await startStillSandbox();
    await marketo.sync(email('a@b.c'));
    const call = await marketo.control('GET', '/calls/1');
    expect(call).toMatchObject({ number: 1, operation: 'syncLead', outcome: 'CREATED' });
    expect(call.request).toMatch(/^POST \/soap\/mktows\//);
    expect(call.request).toContain('<Email>a@b.c</Email>');
    expect(call.request).toMatch(/<requestSignature>••••<\/requestSignature>/);
    expect(call.answer).toMatch(/^200\ncontent-type: text\/xml/);
    expect(call.answer).toContain('<leadId>1000001</leadId>');
  });

  test('by REST without token and secret', async () => {
    const marketo = await startStillSandbox();
    await restClient(marketo).results([{ email: 'a@b.c' }]);
    const { calls } = await marketo.control('GET', '/calls');
    const shown = await Promise.all(
      calls.map(({ number }: { number: number }) => marketo.control('GET', `/calls/${number}`)),
    );
    const text = JSON.stringify(shown);
    expect(text).toContain('a@b.c');
    expect(text).toContain('••••');
    expect(text).not.toContain('sandbox-client-secret');
    expect(text).not.toMatch(/[0-9a-f-]{20,}:/);
  });

  test('and of long ones the beginning; the oldest are no longer kept', EXHAUSTIVE, async () => {
    const marketo = await startStillSandbox();
    await marketo.sync(email('long@b.c') + `<!--${'x'.repeat(100_000)}-->`);
    expect((await marketo.control('GET', '/calls/1')).request).toMatch(/… \d+ bytes more$/);
    for (let nth = 0; nth < 100; nth += 1) await marketo.sync(email('a@b.c'));
    expect(await marketo.control('GET', '/calls/1')).toMatchObject({
      number: 1,
      request: null,
      answer: null,
    });
  });
});

test('leads are searched by any value, in any case', async () => {
  const marketo = await startStillSandbox();
  await marketo.sync(email('ann@b.c'));
  await marketo.sync(email('bob@b.c'));
  expect((await marketo.control('GET', '/leads?search=ANN')).leads).toMatchObject([{ email: 'ann@b.c' }]);
  expect((await marketo.control('GET', '/leads?search=zoe')).total).toBe(0);
});

describe('an embedded sandbox', () => {
  test('knows its gateway and what that answered a caller beside each call', async () => {
    const gateway = await startTestGateway();
    const control = controlOf(gateway.sandboxUrl);
    expect(await control('GET', '/gateway')).toEqual({ url: gateway.url });
    await control('POST', '/next', { fault: { code: 20013 } });
    await gateway.putLead({ email: 'a@b.c' });
    await gateway.putLead({ email: 'a@b.c' });
    const { calls } = await control('GET', '/calls');
    expect(calls).toMatchObject([
      { faultCode: 20013, callerSaw: { status: 502, problem: 'upstream-access-denied' } },
      { outcome: 'CREATED', callerSaw: { status: 201, problem: null } },
    ]);
  });

  test('sends a lead to it as a caller does, with the key that is given', async () => {
    const gateway = await startKeyedGateway([SECRET]);
    const control = controlOf(gateway.sandboxUrl);
    expect(await control('POST', '/send', { lead: { email: 'a@b.c' } })).toMatchObject({ status: 401 });
    const sent = await control('POST', '/send', { lead: { email: 'a@b.c' }, key: TEST_KEYS.secret });
    expect(sent).toMatchObject({ status: 201, body: { status: 'CREATED' } });
    const refused = await control('POST', '/send', { lead: { emial: 'a@b.c' }, key: TEST_KEYS.secret });
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '#/emial' }, {}] } });
  });

  test('refuses to send what is nested too deeply to be written again', async () => {
    const { sandboxUrl } = await startTestGateway();
    const response = await fetch(`${sandboxUrl}/_sandbox/send`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"lead":${'['.repeat(200_000)}${']'.repeat(200_000)}}`,
    });
    expect([response.status, ((await response.json()) as { detail: string }).detail]).toEqual([
      400,
      'lead is nested too deeply.',
    ]);
  });
});

test('a sandbox that runs alone has no gateway to send to', async () => {
  const marketo = await startStillSandbox();
  expect(await marketo.control('GET', '/gateway')).toEqual({ url: null });
  await expect(marketo.control('POST', '/send', { lead: {} })).rejects.toThrow('404');
});
