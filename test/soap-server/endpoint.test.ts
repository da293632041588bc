import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createAuthenticator } from '../../src/soap-server/request.ts';
import {
  type CallReport,
  createSoapEndpoint,
  type SoapEndpointDeps,
} from '../../src/soap-server/endpoint.ts';
import { SoapFault } from '../../src/soap-server/answer.ts';
import type { Operations } from '../../src/soap-server/operation.ts';
import { attributes, authentication, context, email, envelopeOf, START } from '../support/sandbox.ts';

/** A server with these operations behind it, and no sandbox. */
async function serve(operations: Partial<Operations>, deps: Partial<SoapEndpointDeps> = {}) {
  const calls: CallReport[] = [];
  const notServed = () => Promise.reject(new SoapFault(20019));
  const endpoint = createSoapEndpoint({
    operations: {
      syncLead: notServed,
      syncMultipleLeads: notServed,
      getLead: notServed,
      getMultipleLeads: notServed,
      describeMObject: notServed,
      ...operations,
    },
    authenticator: createAuthenticator({ userId: 'sandbox', encryptionKey: 'sandbox-encryption-key' }),
    admit: () => () => {},
    maxRecords: () => 2,
    takeFault: () => undefined,
    onCall: (call) => calls.push(call),
    now: () => START,
    wait: () => Promise.resolve(),
    ...deps,
  });
  const server = createServer((request, response) => void endpoint(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return {
    calls,
    async post(body: string, headerBlocks = ''): Promise<string> {
      const response = await fetch(`http://127.0.0.1:${port}/`, {
        method: 'POST',
        body: envelopeOf(body, authentication(START) + headerBlocks),
      });
      return response.text();
    },
  };
}

const syncLead = (record: string) =>
  `<ns1:paramsSyncLead><leadRecord>${record}</leadRecord><returnLead>1</returnLead></ns1:paramsSyncLead>`;
const syncMultipleLeads = (...records: readonly string[]) =>
  `<ns1:paramsSyncMultipleLeads><leadRecordList>${records.map((record) => `<leadRecord>${record}</leadRecord>`).join('')}</leadRecordList></ns1:paramsSyncMultipleLeads>`;

test('an operation gets the parsed request, and its result becomes the answer', async () => {
  const requests: unknown[] = [];
  const { post, calls } = await serve({
    async syncLead(request) {
      requests.push(request);
      const attribute = { name: 'LeadScore', type: 'score' as const, value: '5' };
      const returned = { id: 7, email: 'a@b.c', foreign: null, attributes: [attribute] };
      return { result: { status: 'CREATED', leadId: 7 }, returned };
    },
  });
  const answer = await post(
    syncLead(email('a@b.c') + attributes({ LeadScore: '5', City: '' })),
    context('Europe'),
  );
  expect(requests).toEqual([
    {
      input: {
        id: null,
        email: 'a@b.c',
        foreign: null,
        cookie: null,
        attributes: [
          { name: 'LeadScore', value: '5' },
          { name: 'City', value: '' },
        ],
      },
      returnLead: true,
      targetWorkspace: 'Europe',
    },
  ]);
  expect(answer).toContain(
    '<leadId>7</leadId><status>CREATED</status><error xsi:nil="true"/></syncStatus><leadRecord><Id>7</Id>',
  );
  expect(answer).toContain(
    '<attrName>LeadScore</attrName><attrType>score</attrType><attrValue>5</attrValue>',
  );
  const statuses = { CREATED: 1 };
  expect(calls).toEqual([
    { time: START, operation: 'syncLead', records: 1, outcome: 'CREATED', statuses, durationMs: 0 },
  ]);
});

test('a record that cannot be read is handed on as a fault, for that record to fail alone', async () => {
  const { post, calls } = await serve({
    syncMultipleLeads: async ({ records }) =>
      records.map((record, index) =>
        record instanceof SoapFault
          ? { status: 'FAILED', leadId: 0, error: record.message }
          : { status: 'UPDATED', leadId: index },
      ),
  });
  const answer = await post(syncMultipleLeads('<Id>one</Id>', email('a@b.c')));
  expect(answer).toContain('<status>FAILED</status><error>Id must be an integer of 32 bits</error>');
  expect(answer).toContain('<leadId>1</leadId><status>UPDATED</status>');
  expect(calls).toMatchObject([{ records: 2, outcome: 'MIXED', statuses: { FAILED: 1, UPDATED: 1 } }]);
  expect(await post(syncMultipleLeads('', '', ''))).toContain('At most 2 lead records a call (20110)');
});

test('a fault of an operation is the answer; another error is fault 20011 and stays inside', async () => {
  const { post, calls } = await serve({
    syncLead: () => Promise.reject(new SoapFault(20103, 'No lead found')),
    syncMultipleLeads: () => Promise.reject(new Error('a secret of the database')),
  });
  expect(await post(syncLead(email('a@b.c')))).toContain('<message>No lead found (20103)</message>');
  const answer = await post(syncMultipleLeads(email('a@b.c')));
  expect(answer).toContain('<code>20011</code>');
  expect(answer).not.toContain('secret');
  expect(calls).toMatchObject([{ faultCode: 20103 }, { faultCode: 20011 }]);
});

test('a call that is not admitted reaches no operation, and an admitted one is ended once', async () => {
  let ended = 0;
  let isFull = false;
  const { post } = await serve(
    { syncLead: async () => ({ result: { status: 'UPDATED', leadId: 7 }, returned: null }) },
    {
      admit() {
        if (isFull) throw new SoapFault(20024);
        return () => (ended += 1);
      },
    },
  );
  expect(await post(syncLead(email('a@b.c')))).toContain('UPDATED');
  expect(await post('<ns1:paramsFly/>')).toContain('<code>20019</code>');
  expect(ended).toBe(2);
  isFull = true;
  expect(await post(syncLead(email('a@b.c')))).toContain('<code>20024</code>');
  expect(ended).toBe(2);
});
