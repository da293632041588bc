import { describe, expect, test } from 'vitest';
import { type SoapAnswer, email, foreign, id, startStillSandbox } from '../support/sandbox.ts';
import { createVirtualClock, untilTimers } from '../support/virtual-clock.ts';

const timers = createVirtualClock();

/** Lets calls overlap: none is finished before all are being processed. */
async function overlap(calls: readonly Promise<SoapAnswer>[], processingMs: number): Promise<SoapAnswer[]> {
  await untilTimers(timers, calls.length);
  await timers.advance(processingMs);
  return Promise.all(calls);
}

describe('the race that the vendor warns of', () => {
  test.each([
    ['email', email('a@b.c'), {}],
    ['foreign id', foreign('F1'), {}],
    ['cookie', '', { cookie: 'c' }],
  ])('two overlapping upserts of one new %s fail to make one lead', async (_key, record, more) => {
    const marketo = await startStillSandbox({ processingMs: 60, timers });
    const answers = await overlap([marketo.sync(record, more), marketo.sync(record, more)], 60);
    expect(answers.map(({ status }) => status)).toEqual(['CREATED', 'CREATED']);
    expect((await marketo.control('GET', '/leads')).total).toBe(2);
  });

  test('two consecutive upserts of one new key make one lead', async () => {
    const marketo = await startStillSandbox({ processingMs: 20, timers });
    expect(await overlap([marketo.sync(email('a@b.c'))], 20)).toMatchObject([{ status: 'CREATED' }]);
    expect(await overlap([marketo.sync(email('a@b.c'))], 20)).toMatchObject([{ status: 'UPDATED' }]);
  });

  test('calls overlap for 5 ms by default', async () => {
    const marketo = await startStillSandbox({ processingMs: undefined!, timers });
    const answers = await overlap([marketo.sync(email('a@b.c')), marketo.sync(email('a@b.c'))], 5);
    expect(answers.map(({ status }) => status)).toEqual(['CREATED', 'CREATED']);
  });

  test('overlapping updates of one lead are all written', async () => {
    const marketo = await startStillSandbox({ processingMs: 40, timers });
    const [lead] = await overlap([marketo.sync(email('a@b.c'))], 40);
    const answers = await overlap([marketo.sync(id(lead?.leadId ?? 0)), marketo.sync(email('a@b.c'))], 40);
    expect(answers.map(({ status }) => status)).toEqual(['UPDATED', 'UPDATED']);
  });

  test('a lead deleted during a call is fault 20103', async () => {
    const marketo = await startStillSandbox({ processingMs: 100, timers });
    const [lead] = await overlap([marketo.sync(email('a@b.c'))], 100);
    const update = marketo.sync(id(lead?.leadId ?? 0));
    await untilTimers(timers, 1);
    await marketo.control('DELETE', '/leads');
    await timers.advance(100);
    expect((await update).fault).toBe(20103);
  });
});
