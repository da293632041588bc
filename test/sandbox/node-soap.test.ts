import { createClientAsync, type Client } from 'soap';
import { describe, expect, test } from 'vitest';
import { startStillSandbox, signature, START, timestampOf } from '../support/sandbox.ts';

const MKT = 'http://www.marketo.com/mktows/';

type Result = { result: Record<string, unknown> & { syncStatus: Record<string, unknown> } };

/** node-soap as its users use it: a client made from the WSDL, the headers added to it. */
async function connect(
  workspace?: string,
): Promise<{ client: Client; call: (name: string, args: object) => Promise<Result> }> {
  const { endpoint } = await startStillSandbox();
  const client = await createClientAsync(`${endpoint}?WSDL`);
  const timestamp = timestampOf(START);
  client.addSoapHeader(
    {
      AuthenticationHeader: {
        mktowsUserId: 'sandbox',
        requestSignature: signature(timestamp),
        requestTimestamp: timestamp,
      },
    },
    '',
    'mkt',
    MKT,
  );
  if (workspace !== undefined) {
    client.addSoapHeader({ MktowsContextHeader: { targetWorkspace: workspace } }, '', 'mkt', MKT);
  }
  return {
    client,
    call: async (name, args) => {
      const method = client[`${name}Async`] as (input: object) => Promise<[Result]>;
      return (await method(args))[0];
    },
  };
}

const lead = (record: object, more: object = {}) => ({ leadRecord: record, returnLead: false, ...more });

describe('node-soap as a client', () => {
  test('reads the operations from the WSDL', async () => {
    const { client } = await connect();
    expect(Object.keys(client.describe()['MktMktowsApiService']['MktowsApiSoapPort'])).toEqual([
      'syncLead',
      'syncMultipleLeads',
      'getLead',
      'getMultipleLeads',
      'describeMObject',
    ]);
  });

  test('creates and updates a lead by each key, and reads the lead returned', async () => {
    const { call } = await connect();
    const created = await call(
      'syncLead',
      lead(
        {
          Email: 't@t.com',
          ForeignSysPersonId: 'F1',
          ForeignSysType: 'SFDC',
          leadAttributeList: {
            attribute: [
              { attrName: 'FirstName', attrValue: 'Zoë & <George> 😀' },
              { attrName: 'PostalCode', attrValue: '02134' },
            ],
          },
        },
        { returnLead: true, marketoCookie: 'id:1&token:x' },
      ),
    );
    expect(created.result.syncStatus).toMatchObject({ leadId: 1000001, status: 'CREATED' });
    expect(created.result['leadRecord']).toMatchObject({
      Id: 1000001,
      Email: 't@t.com',
      ForeignSysType: 'SFDC',
      leadAttributeList: {
        attribute: [
          { attrName: 'FirstName', attrType: 'string', attrValue: 'Zoë & <George> 😀' },
          { attrName: 'PostalCode', attrType: 'string', attrValue: '02134' },
        ],
      },
    });
    for (const args of [
      lead({ Id: 1000001 }),
      lead({ ForeignSysPersonId: 'F1', ForeignSysType: 'SFDC' }),
      lead({ Email: 'T@T.com' }),
      lead({}, { marketoCookie: 'id:1&token:x' }),
    ]) {
      expect((await call('syncLead', args)).result.syncStatus).toMatchObject({
        leadId: 1000001,
        status: 'UPDATED',
      });
    }
  });

  test('sends the workspace header', async () => {
    const { call } = await connect('Europe');
    const { result } = await call('syncLead', lead({ Email: 't@t.com' }));
    expect(result.syncStatus['status']).toBe('CREATED');
    const elsewhere = await connect('Atlantis');
    await expect(elsewhere.call('syncLead', lead({ Email: 't@t.com' }))).rejects.toThrow(
      '20110 - Parameter bad',
    );
  });

  test('upserts many and finds one', async () => {
    const { call } = await connect();
    const { result } = await call('syncMultipleLeads', {
      leadRecordList: { leadRecord: [{ Email: 'a@b.c' }, { Email: 'b@b.c' }, { Id: 7 }] },
      dedupEnabled: true,
    });
    expect(result['syncStatusList']).toMatchObject({
      syncStatus: [
        { leadId: 1000001, status: 'CREATED' },
        { leadId: 1000002, status: 'CREATED' },
        { leadId: 0, status: 'FAILED', error: 'No lead found with ID = 7 (20103)' },
      ],
    });
    const found = await call('getLead', { leadKey: { keyType: 'EMAIL', keyValue: 'b@b.c' } });
    expect(found.result).toMatchObject({ count: 1, leadRecordList: { leadRecord: [{ Id: 1000002 }] } });
  });

  test('finds many by their keys', async () => {
    const { call } = await connect();
    await call('syncMultipleLeads', {
      leadRecordList: { leadRecord: [{ Email: 'a@b.c' }, { Email: 'b@b.c' }] },
    });
    const { result } = await call('getMultipleLeads', {
      leadSelector: {
        attributes: { 'xsi:type': 'tns:LeadKeySelector' },
        keyType: 'EMAIL',
        keyValues: { stringItem: ['b@b.c', 'x@b.c', 'a@b.c'] },
      },
      batchSize: 100,
    });
    expect(result).toMatchObject({
      returnCount: 2,
      remainingCount: 0,
      leadRecordList: { leadRecord: [{ Id: 1000002 }, { Id: 1000001 }] },
    });
  });

  test('reads the fields of a lead', async () => {
    const { call } = await connect();
    const { result } = await call('describeMObject', { objectName: 'LeadRecord' });
    const metadata = result['metadata'] as any;
    expect(metadata).toMatchObject({ name: 'LeadRecord', isCustom: false, isVirtual: false });
    expect(metadata.fieldList.field.find((field: any) => field.name === 'EmailSuspendedAt')).toMatchObject({
      displayName: 'Email Suspended At',
      sourceObject: 'Lead',
      dataType: 'dateTime',
      isReadonly: false,
      isCustom: false,
    });
    await expect(call('describeMObject', { objectName: 'ActivityRecord' })).rejects.toThrow(
      '20110 - Parameter bad',
    );
  });

  test('reads a fault with its detail', async () => {
    const { call } = await connect();
    await expect(call('getLead', { leadKey: { keyType: 'IDNUM', keyValue: '7' } })).rejects.toMatchObject({
      root: {
        Envelope: {
          Body: {
            Fault: {
              faultcode: 'SOAP-ENV:Client',
              faultstring: '20103 - Lead not found',
              detail: { serviceException: { name: 'mktServiceException', code: '20103' } },
            },
          },
        },
      },
    });
  });
});
