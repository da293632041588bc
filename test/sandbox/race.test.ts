import { describe, expect, test } from 'vitest';
import { email, foreign, id, sandbox } from './support.ts';

describe('the race the vendor warns of', () => {
  test.each([
    ['email', email('a@b.c'), {}],
    ['foreign id', foreign('F1'), {}],
    ['cookie', '', { cookie: 'c' }],
  ])('two overlapping upserts of one new %s fail to make one lead', async (_key, record, more) => {
    const marketo = await sandbox({ processingMs: 60 });
    const answers = await Promise.all([marketo.sync(record, more), marketo.sync(record, more)]);
    expect(answers.map(({ status }) => status)).toEqual(['CREATED', 'CREATED']);
    expect((await marketo.control('GET', '/leads')).total).toBe(2);
  });

  test('two upserts of one new key after one another make one lead', async () => {
    const marketo = await sandbox({ processingMs: 20 });
    expect((await marketo.sync(email('a@b.c'))).status).toBe('CREATED');
    expect((await marketo.sync(email('a@b.c'))).status).toBe('UPDATED');
  });

  test('the default processing time is long enough to show it', async () => {
    const marketo = await sandbox({ processingMs: undefined! });
    // The first call opens the connections, so that the next two start together.
    await Promise.all([marketo.sync(email('x@b.c')), marketo.sync(email('y@b.c'))]);
    const answers = await Promise.all([marketo.sync(email('a@b.c')), marketo.sync(email('a@b.c'))]);
    expect(answers.map(({ status }) => status)).toEqual(['CREATED', 'CREATED']);
  });

  test('overlapping updates of one lead are all written', async () => {
    const marketo = await sandbox({ processingMs: 40 });
    const { leadId } = await marketo.sync(email('a@b.c'));
    const answers = await Promise.all([marketo.sync(id(leadId)), marketo.sync(email('a@b.c'))]);
    expect(answers.map(({ status }) => status)).toEqual(['UPDATED', 'UPDATED']);
  });

  test('a lead deleted while a call is under way is fault 20103', async () => {
    const marketo = await sandbox({ processingMs: 100 });
    const { leadId } = await marketo.sync(email('a@b.c'));
    const update = marketo.sync(id(leadId));
    await new Promise((resolve) => {
      setTimeout(resolve, 40);
    });
    await marketo.control('DELETE', '/leads');
    expect((await update).fault).toBe(20103);
  });
});
