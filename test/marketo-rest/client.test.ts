import { describe, expect, onTestFinished, test } from 'vitest';
import type { UpsertLead } from '../../src/leads/lead.ts';
import { createRestUpstream } from '../../src/marketo-rest/client.ts';
import { createCancellation } from '../../src/runtime/cancellation.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { createHttpPost } from '../../src/transport/http-post.ts';
import type { RecordOutcome } from '../../src/upstream/outcome.ts';
import { ORIGIN } from '../support/dispatcher.ts';
import { startTestSandbox, type TestSandbox } from '../support/sandbox.ts';

const SETTINGS = {
  foreignIds: { CUSTOM: 'crmPersonId' },
  workspacePartitions: new Map([['emea', 'Europe']]),
  fieldNames: new Map<string, string>(),
  foreignIdFields: new Set(['crmPersonId']),
} as const;

/** Makes the calls of one lead's plan, one after the other, against a sandbox. */
function start({ url }: Pick<TestSandbox, 'url'>) {
  const post = (path: string) => {
    const http = createHttpPost({
      endpoint: new URL(url + path),
      connections: 2,
      maxBodyBytes: 4_194_304,
      connectTimeoutMs: 5000,
    });
    onTestFinished(() => http.close());
    return http.post;
  };
  const upstream = createRestUpstream({
    post: post('/rest'),
    identity: post('/identity/oauth/token'),
    credentials: { clientId: 'sandbox', clientSecret: 'sandbox-client-secret' },
    basePath: '/rest',
    clock: systemClock,
    timeoutMs: 5000,
    userAgent: 'test',
    settings: SETTINGS,
  });
  const signal = createCancellation();
  const operations: string[] = [];
  const put = async (lead: Partial<UpsertLead>): Promise<Exclude<RecordOutcome, { kind: 'next' }>> => {
    const command: UpsertLead = { attributes: [], returnLead: false, ...lead };
    let step = upstream.firstStep(command);
    while (!('error' in step)) {
      const items = [{ command, step }];
      operations.push(upstream.operationOf(items));
      const outcome = await upstream.call(items, { signal, origins: [ORIGIN] });
      const record = outcome.kind === 'answered' ? outcome.records[0] : outcome;
      if (record === undefined || record.kind === 'cancelled' || record.kind === 'mismatched') {
        throw new Error(`the call was ${outcome.kind}`);
      }
      if (record.kind !== 'next') return record;
      step = record.step as typeof step;
    }
    return step;
  };
  return { put, operations };
}

const attribute = (name: string, value: string | number | boolean | null) => ({ name, value });

describe('against the sandbox', () => {
  test('an email alone is one call: created, then updated', async () => {
    const sandbox = await startTestSandbox();
    const { put, operations } = start(sandbox);
    const created = await put({ email: 'jane@example.com' });
    expect(created).toMatchObject({ kind: 'stored', result: { status: 'CREATED' } });
    expect(await put({ email: 'JANE@example.com' })).toMatchObject({
      kind: 'stored',
      result: { status: 'UPDATED' },
    });
    expect(operations).toEqual(['syncLeads', 'syncLeads']);
  });

  test('attributes need Describe, once', async () => {
    const sandbox = await startTestSandbox();
    const { put, operations } = start(sandbox);
    const lead = {
      email: 'a@example.com',
      attributes: [attribute('FirstName', 'Jane'), attribute('LeadScore', 62)],
    };
    expect(await put(lead)).toMatchObject({ kind: 'stored' });
    expect(await put({ ...lead, email: 'b@example.com' })).toMatchObject({ kind: 'stored' });
    expect(operations).toEqual(['describeLeads', 'syncLeads', 'syncLeads']);
    const [first] = await sandbox.leads();
    expect(first?.attributes).toMatchObject({ FirstName: 'Jane', LeadScore: '62' });
  });

  test('a name that Marketo does not have is refused before anything is sent', async () => {
    const sandbox = await startTestSandbox();
    const { put, operations } = start(sandbox);
    const refused = await put({ email: 'a@example.com', attributes: [attribute('Nope', 1)] });
    expect(refused).toMatchObject({ kind: 'failed', error: 'unknown-attribute' });
    expect(operations).toEqual(['describeLeads']);
    expect(await sandbox.leads()).toEqual([]);
  });

  test('a stored lead is read back', async () => {
    const { put, operations } = start(await startTestSandbox());
    const outcome = await put({
      email: 'a@example.com',
      returnLead: true,
      attributes: [attribute('LastName', 'Doe'), attribute('Unsubscribed', true)],
    });
    expect(outcome.kind === 'stored' && outcome.result.lead).toMatchObject({
      email: 'a@example.com',
      foreignSysPersonId: null,
      attributes: expect.arrayContaining([attribute('LastName', 'Doe'), attribute('Unsubscribed', true)]),
    });
    expect(operations).toEqual(['describeLeads', 'syncLeads', 'findLeads']);
  });

  test('a cookie that is not known goes to the lead of the email', async () => {
    const sandbox = await startTestSandbox();
    const { put, operations } = start(sandbox);
    const marketoCookie = 'id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169';
    expect(await put({ email: 'a@example.com', marketoCookie })).toMatchObject({
      kind: 'stored',
      result: { status: 'CREATED' },
    });
    expect(await put({ marketoCookie })).toMatchObject({ kind: 'stored', result: { status: 'UPDATED' } });
    expect(operations).toEqual(['findLeads', 'syncLeads', 'associateLead', 'findLeads', 'syncLeads']);
    const other = 'id:287-GTJ-838&token:_mch-marketo.com-1396310362214-99999';
    expect(await put({ marketoCookie: other })).toMatchObject({ kind: 'failed', error: 'lead-rejected' });
  });

  test('an id that no lead has is not found', async () => {
    const { put } = start(await startTestSandbox());
    const outcome = await put({ id: 4711 });
    expect(outcome).toMatchObject({ kind: 'failed', error: 'lead-not-found', upstream: { code: 1004 } });
  });
});
