import { beforeEach, describe, expect, test } from 'vitest';
import { attributes, email, foreign, id, startStillSandbox, type StillSandbox } from '../support/sandbox.ts';

let marketo: StillSandbox;

async function partitionOf(leadId: number): Promise<string> {
  return (await marketo.control('GET', `/leads/${leadId}`)).partition;
}

beforeEach(async () => {
  marketo = await startStillSandbox();
});

describe('workspaces enabled, header sent', () => {
  test('a new lead goes to the primary partition of the named workspace', async () => {
    const { leadId } = await marketo.sync(email('a@b.c'), { workspace: 'Europe' });
    expect(await partitionOf(leadId)).toBe('Europe');
  });

  test('a new lead goes to the partition an assignment rule names, before the workspace', async () => {
    await marketo.control('PUT', '/assignment-rules', {
      rules: [
        { attribute: 'Country', equals: 'Japan', partition: 'Asia' },
        { attribute: 'Country', equals: 'Japan', partition: 'Never' },
        { attribute: 'Email', equals: 'vip@b.c', partition: 'Important' },
      ],
    });
    const ruled = await marketo.sync(email('a@b.c') + attributes({ Country: 'Japan' }), {
      workspace: 'Europe',
    });
    expect(await partitionOf(ruled.leadId)).toBe('Asia');
    const vip = await marketo.sync(email('vip@b.c'), { workspace: 'Europe' });
    expect(await partitionOf(vip.leadId)).toBe('Important');
    const other = await marketo.sync(email('b@b.c') + attributes({ Country: 'France' }), {
      workspace: 'Europe',
    });
    expect(await partitionOf(other.leadId)).toBe('Europe');
  });

  test.each([
    ['Id', (leadId: number) => id(leadId), undefined],
    ['foreign id', () => foreign('F1'), undefined],
    ['cookie', () => '', 'c1'],
  ])(
    'a lead matched by %s must be in the primary partition of the workspace',
    async (_key, record, cookie) => {
      const { leadId } = await marketo.sync(email('a@b.c') + foreign('F1'), { cookie: 'c1' });
      const more = cookie === undefined ? {} : { cookie };
      const refused = await marketo.sync(record(leadId), { ...more, workspace: 'Europe' });
      expect(refused.fault).toBe(20110);
      expect(refused.httpStatus).toBe(500);
      const taken = await marketo.sync(record(leadId), { ...more, workspace: 'Default' });
      expect([taken.status, taken.leadId]).toEqual(['UPDATED', leadId]);
    },
  );

  test('a lead matched by email is updated where it is; the workspace is ignored', async () => {
    const { leadId } = await marketo.sync(email('a@b.c'));
    const answer = await marketo.sync(email('a@b.c'), { workspace: 'Europe' });
    expect([answer.status, answer.leadId]).toEqual(['UPDATED', leadId]);
    expect(await partitionOf(leadId)).toBe('Default');
  });

  test('an unknown workspace is fault 20110', async () => {
    const answer = await marketo.sync(email('a@b.c'), { workspace: 'Atlantis' });
    expect(answer.fault).toBe(20110);
    expect(answer.value('message')).toBe(
      'Workspace Atlantis does not exist: one of Default, Europe is expected (20110)',
    );
  });

  test.each(['default', 'DEFAULT', 'Default'])(
    'the name %s means Default: names compare without case',
    async (name) => {
      const { leadId } = await marketo.sync(email('a@b.c'), { workspace: name });
      expect(await partitionOf(leadId)).toBe('Default');
    },
  );

  test.each([
    ['nil', '<ns1:MktowsContextHeader xsi:nil="true"/>'],
    ['empty', '<ns1:MktowsContextHeader/>'],
    ['with an empty name', '<ns1:MktowsContextHeader><targetWorkspace/></ns1:MktowsContextHeader>'],
  ])('a header that is %s names no workspace', async (_form, header) => {
    const answer = await marketo.call(
      `<ns1:paramsSyncLead><leadRecord>${email('a@b.c')}</leadRecord><returnLead>0</returnLead></ns1:paramsSyncLead>`,
      header,
    );
    expect(await partitionOf(answer.leadId)).toBe('Default');
  });
});

describe('workspaces enabled, no header', () => {
  test('a new lead goes to the primary partition of Default', async () => {
    await marketo.control('PUT', '/workspaces', {
      workspaces: [{ name: 'Default', primaryPartition: 'Main' }],
    });
    expect(await partitionOf((await marketo.sync(email('a@b.c'))).leadId)).toBe('Main');
  });

  test("a new lead goes to the assignment rule's partition", async () => {
    await marketo.control('PUT', '/assignment-rules', {
      rules: [{ attribute: 'Country', equals: 'Japan', partition: 'Asia' }],
    });
    const { leadId } = await marketo.sync(email('a@b.c') + attributes({ Country: 'Japan' }));
    expect(await partitionOf(leadId)).toBe('Asia');
  });

  test('existing leads are updated where they are', async () => {
    const { leadId } = await marketo.sync(email('a@b.c') + foreign('F1'), {
      workspace: 'Europe',
      cookie: 'c',
    });
    for (const answer of [
      await marketo.sync(id(leadId)),
      await marketo.sync(foreign('F1')),
      await marketo.sync('', { cookie: 'c' }),
      await marketo.sync(email('a@b.c')),
    ]) {
      expect([answer.status, answer.leadId]).toEqual(['UPDATED', leadId]);
    }
    expect(await partitionOf(leadId)).toBe('Europe');
  });

  test('rules are for new leads: an update does not move a lead', async () => {
    const { leadId } = await marketo.sync(email('a@b.c'));
    await marketo.control('PUT', '/assignment-rules', {
      rules: [{ attribute: 'Country', equals: 'Japan', partition: 'Asia' }],
    });
    await marketo.sync(email('a@b.c') + attributes({ Country: 'Japan' }));
    expect(await partitionOf(leadId)).toBe('Default');
  });
});

describe('workspaces not enabled', () => {
  beforeEach(async () => {
    await marketo.control('PUT', '/workspaces', { enabled: false });
  });

  test('the header may be left out', async () => {
    expect((await marketo.sync(email('a@b.c'))).status).toBe('CREATED');
  });

  test('the target may be Default', async () => {
    expect((await marketo.sync(email('a@b.c'), { workspace: 'default' })).status).toBe('CREATED');
  });

  test('any other target is fault 20110', async () => {
    expect((await marketo.sync(email('a@b.c'), { workspace: 'Europe' })).fault).toBe(20110);
  });
});
