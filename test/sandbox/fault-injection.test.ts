import { describe, expect, test } from 'vitest';
import { sendRaw } from '../support/client.ts';
import {
  authentication,
  email,
  envelopeOf,
  startStillSandbox,
  START,
  type StillSandbox,
} from '../support/sandbox.ts';
import { createVirtualClock, untilTimers } from '../support/virtual-clock.ts';

const MESSAGE = envelopeOf(
  `<ns1:paramsSyncLead><leadRecord>${email('a@b.c')}</leadRecord><returnLead>false</returnLead></ns1:paramsSyncLead>`,
  authentication(START),
);
const REQUEST = `POST /soap/mktows/2_9 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${MESSAGE.length}\r\n\r\n${MESSAGE}`;

const leadCount = async (marketo: StillSandbox) => (await marketo.control('GET', '/leads')).total;

describe('what can be queued for the next calls', () => {
  test('a fault for one call, which is not done', async () => {
    const marketo = await startStillSandbox();
    await marketo.control('POST', '/next', { fault: { code: 20016 } });
    const answer = await marketo.sync(email('a@b.c'));
    expect([answer.fault, answer.httpStatus]).toEqual([20016, 500]);
    expect(answer.value('faultstring')).toBe('20016 - Request expired');
    expect(await leadCount(marketo)).toBe(0);
    expect((await marketo.sync(email('a@b.c'))).status).toBe('CREATED');
  });

  test('a fault with a message of the vendor, in which its code is told once', async () => {
    const marketo = await startStillSandbox();
    const message = 'syncLead operation failed: unknown fields for import: pants (20105)';
    await marketo.control('POST', '/next', { fault: { code: 20105, message } });
    expect((await marketo.sync(email('a@b.c'))).value('message')).toBe(message);
  });

  test('a fault with a text and a status of its own, several times', async () => {
    const marketo = await startStillSandbox();
    await marketo.control('POST', '/next', {
      fault: { code: 10001, message: 'a < b', status: 200 },
      times: 2,
    });
    for (let time = 0; time < 2; time++) {
      const answer = await marketo.sync(email('a@b.c'));
      expect([answer.fault, answer.httpStatus]).toEqual([10001, 200]);
      expect(answer.value('message')).toBe('a &lt; b (10001)');
    }
    expect((await marketo.sync(email('a@b.c'))).fault).toBeNull();
  });

  test('a delay of the answer, while the call is done already', async () => {
    const timers = createVirtualClock();
    const marketo = await startStillSandbox({ timers });
    await marketo.control('POST', '/next', { delayMs: 600 });
    let isAnswered = false;
    const answer = marketo.sync(email('a@b.c')).finally(() => (isAnswered = true));
    await untilTimers(timers, 1);
    expect(await leadCount(marketo)).toBe(1);
    await timers.advance(599);
    expect(isAnswered).toBe(false);
    await timers.advance(1);
    expect((await answer).status).toBe('CREATED');
  });

  test('garbage with status, type, headers and body', async () => {
    const marketo = await startStillSandbox();
    await marketo.control('POST', '/next', {
      garbage: { status: 502, contentType: 'text/html', body: '<p>Sörry', headers: { 'Retry-After': '7' } },
    });
    const answer = await marketo.sync(email('a@b.c'));
    expect(answer.httpStatus).toBe(502);
    expect(answer.headers.get('content-type')).toBe('text/html');
    expect(answer.headers.get('retry-after')).toBe('7');
    expect(answer.text).toBe('<p>Sörry');
    expect(await leadCount(marketo)).toBe(0);
  });

  test('garbage answers a message that is garbage, too', async () => {
    const marketo = await startStillSandbox();
    await marketo.control('POST', '/next', { garbage: {} });
    expect((await marketo.post('not XML')).httpStatus).toBe(200);
  });

  test('a connection broken on arrival: nothing is done', async () => {
    const marketo = await startStillSandbox();
    await marketo.control('POST', '/next', { reset: 'on-arrival' });
    await expect(marketo.sync(email('a@b.c'))).rejects.toThrow('fetch failed');
    expect(await leadCount(marketo)).toBe(0);
  });

  test('a connection broken before the headers: the call is done', async () => {
    const marketo = await startStillSandbox();
    await marketo.control('POST', '/next', { reset: 'before-headers' });
    await expect(marketo.sync(email('a@b.c'))).rejects.toThrow('fetch failed');
    expect(await leadCount(marketo)).toBe(1);
  });

  test('a connection broken in the middle of the answer: headers and half of the body', async () => {
    const marketo = await startStillSandbox();
    await marketo.control('POST', '/next', { reset: 'mid-body' });
    const received = await sendRaw(marketo.url, REQUEST);
    const [head = '', body = ''] = received.split('\r\n\r\n');
    const announced = Number(/Content-Length: (\d+)/.exec(head)?.[1]);
    expect(body.length).toBe(Math.floor(announced / 2));
    expect(await leadCount(marketo)).toBe(1);
  });

  test('the queue is used in order, shown, and can be cleared', async () => {
    const marketo = await startStillSandbox();
    await marketo.control('POST', '/next', { fault: { code: 20011 } });
    await marketo.control('POST', '/next', { fault: { code: 20023 }, delayMs: 1, times: 2 });
    expect((await marketo.sync(email('a@b.c'))).fault).toBe(20011);
    expect((await marketo.sync(email('a@b.c'))).fault).toBe(20023);
    expect((await marketo.control('GET', '/next')).waiting).toEqual([
      { fault: { code: 20023 }, delayMs: 1, times: 1 },
    ]);
    await marketo.control('DELETE', '/next');
    expect((await marketo.sync(email('a@b.c'))).fault).toBeNull();
  });

  test('the call log shows what happened', async () => {
    const marketo = await startStillSandbox();
    for (const body of [{ fault: { code: 20011 } }, { garbage: {} }, { reset: 'before-headers' }]) {
      await marketo.control('POST', '/next', body);
      await marketo.sync(email('a@b.c')).catch(() => {});
    }
    expect((await marketo.control('GET', '/calls')).calls).toMatchObject([
      { operation: 'syncLead', records: 1, outcome: 'FAULT', faultCode: 20011 },
      { operation: 'syncLead', records: 1, outcome: 'GARBAGE' },
      { operation: 'syncLead', records: 1, outcome: 'RESET', statuses: { CREATED: 1 } },
    ]);
  });
});
