import { beforeEach, describe, expect, test } from 'vitest';
import { identity, type RestClient, restClient } from '../../support/rest.ts';
import { email, startStillSandbox, startTestSandbox, type StillSandbox } from '../../support/sandbox.ts';
import { A, COOKIE, FIRST } from './results.ts';

let sandbox: StillSandbox;
let rest: RestClient;

beforeEach(async () => {
  sandbox = await startStillSandbox();
  rest = restClient(sandbox);
});

const codeOfCall = async (client: RestClient) => (await client.request('GET', '/leads/partitions.json')).code;

describe('the token', () => {
  test('is shown by the seconds it lives, never itself', async () => {
    expect(await sandbox.control('GET', '/token')).toEqual({ secondsLeft: null });
    await rest.token();
    sandbox.tick(1);
    expect(await sandbox.control('GET', '/token')).toEqual({ secondsLeft: 3599.998 });
  });

  test('ends at once', async () => {
    const token = await rest.token();
    await sandbox.control('DELETE', '/token');
    expect(await codeOfCall(rest)).toBe('602');
    const { json } = await identity(sandbox.url);
    expect([json.access_token === token, json.expires_in]).toEqual([false, 3599]);
  });

  test('is given n seconds to live, and requests for it get the same one with what is left', async () => {
    const token = await rest.token();
    await sandbox.control('PUT', '/token', { secondsToLive: 3 });
    const ask = async () => (await identity(sandbox.url)).json;
    expect(await ask()).toMatchObject({ access_token: token, expires_in: 3 });
    sandbox.tick(2001);
    expect(await ask()).toMatchObject({ access_token: token, expires_in: 0 });
    expect(await codeOfCall(rest)).toBeNull();
    sandbox.tick(999);
    expect(await codeOfCall(rest)).toBe('602');
    expect(await ask()).toMatchObject({ expires_in: 3599 });
  });

  test('that is to come is given them when there is no token', async () => {
    await sandbox.control('PUT', '/token', { secondsToLive: 0.5 });
    expect((await identity(sandbox.url)).json.expires_in).toBe(0);
    sandbox.tick(500);
    expect((await identity(sandbox.url)).json.expires_in).toBe(3599);
  });

  test('is forgotten with a reset', async () => {
    await rest.token();
    await sandbox.control('POST', '/reset');
    expect(await codeOfCall(rest)).toBe('601');
  });

  test.each([-1, 86_401, '5', null])('does not live %j seconds', async (secondsToLive) => {
    await expect(sandbox.control('PUT', '/token', { secondsToLive })).rejects.toThrow(
      /a number from 0 to 86400/,
    );
  });
});

describe('the call log', () => {
  const shown = async () =>
    (await sandbox.control('GET', '/calls')).calls.map(({ number, time, durationMs, ...call }: any) => {
      expect([typeof number, typeof time, durationMs]).toEqual(['number', 'string', 0]);
      return call;
    });

  test('shows operation, endpoint, action, lookupField, partition, records and outcome', async () => {
    await rest.results([{ email: A }, { email: 'b@example.com', pants: 1 }], { partitionName: 'europe' });
    await rest.results([{ id: FIRST }], { action: 'updateOnly', lookupField: 'id' });
    await rest.find('crmPersonId', 'C1,C2');
    await rest.request('GET', `/lead/${FIRST}.json`);
    await rest.request('POST', `/leads/${FIRST}/associate.json?cookie=${encodeURIComponent(COOKIE)}`);
    await rest.request('GET', '/leads/describe.json');
    await rest.request('POST', '/leads/delete.json?id=7');
    await rest.request('PUT', '/leads.json');
    await rest.request('GET', '/pants.json');
    await sandbox.sync(email(A));
    expect(await shown()).toEqual([
      { operation: 'identity', endpoint: '/identity/oauth/token', records: 0, outcome: 'TOKEN' },
      {
        operation: 'sync',
        endpoint: '/rest/v1/leads.json',
        action: 'createOrUpdate',
        lookupField: 'email',
        partition: 'Europe',
        records: 2,
        outcome: 'MIXED',
        statuses: { CREATED: 1, SKIPPED: 1 },
      },
      {
        operation: 'sync',
        endpoint: '/rest/v1/leads.json',
        action: 'updateOnly',
        lookupField: 'id',
        records: 1,
        outcome: 'UPDATED',
        statuses: { UPDATED: 1 },
      },
      {
        operation: 'find',
        endpoint: '/rest/v1/leads.json',
        lookupField: 'crmPersonId',
        records: 2,
        outcome: 'FOUND',
      },
      {
        operation: 'lead',
        endpoint: '/rest/v1/lead/{id}.json',
        lookupField: 'id',
        records: 1,
        outcome: 'FOUND',
      },
      { operation: 'associate', endpoint: '/rest/v1/leads/{id}/associate.json', records: 1, outcome: 'DONE' },
      { operation: 'describe', endpoint: '/rest/v1/leads/describe.json', records: 0, outcome: 'DONE' },
      {
        operation: 'delete',
        endpoint: '/rest/v1/leads/delete.json',
        records: 1,
        outcome: 'SKIPPED',
        statuses: { SKIPPED: 1 },
      },
      {
        operation: 'unknown',
        endpoint: '/rest/v1/leads.json',
        records: 0,
        outcome: 'ERROR',
        errorCode: '605',
      },
      { operation: 'unknown', endpoint: 'unknown', records: 0, outcome: 'ERROR', errorCode: '610' },
      { operation: 'syncLead', records: 1, outcome: 'UPDATED', statuses: { UPDATED: 1 } },
    ]);
  });

  test('shows what was injected', async () => {
    for (const item of [{ error: { code: '606' } }, { garbage: {} }, { reset: 'before-headers' }]) {
      await sandbox.control('POST', '/next', item);
      await rest.sync([{ email: A }]).catch(() => {});
    }
    expect((await shown()).slice(1)).toMatchObject([
      { operation: 'sync', outcome: 'ERROR', errorCode: '606' },
      { operation: 'sync', outcome: 'GARBAGE' },
      { operation: 'sync', outcome: 'RESET', statuses: { CREATED: 1 } },
    ]);
  });

  test('never shows a secret, a token, a value or a name that the sandbox does not know', async () => {
    const token = await rest.token();
    const secret = 'sandbox-client-secret';
    await identity(sandbox.url, { query: `grant_type=${secret}&client_id=${token}` });
    await rest.sync([{ email: 'secret@example.com' }], {
      action: token,
      lookupField: secret,
      partitionName: token,
    });
    await rest.request('GET', `/leads.json?filterType=${secret}&filterValues=secret@example.com`);
    await rest.request('GET', `/lead/${token}.json`);
    await rest.request('GET', `/${token}.json?access_token=${token}`);
    await rest.request('POST', `/leads/1/associate.json?cookie=${encodeURIComponent(COOKIE)}`);
    for (const path of ['/calls', '/next', '/token', '/rest', '/rest-limits', '/leads']) {
      const text = JSON.stringify(await sandbox.control('GET', path));
      expect(text).not.toContain(token);
      expect(text).not.toMatch(/secret|:lon|_mch/);
    }
  });
});

describe('settings of REST', () => {
  test('are shown, set one by one, and put back by a reset', async () => {
    const start = await sandbox.control('GET', '/rest');
    expect(start).toEqual({
      readOnly: expect.arrayContaining(['inferredCompany', 'contactCompany']),
      describeSoapNames: true,
      countTogether: true,
    });
    await sandbox.control('PUT', '/rest', { readOnly: ['firstName'] });
    expect(await sandbox.control('PUT', '/rest', { describeSoapNames: false })).toEqual({
      readOnly: ['firstName'],
      describeSoapNames: false,
      countTogether: true,
    });
    await sandbox.control('PUT', '/partitions', { partitions: [{ name: 'Asia' }] });
    await sandbox.control('POST', '/reset');
    expect(await sandbox.control('GET', '/rest')).toEqual(start);
    expect((await sandbox.control('GET', '/partitions')).partitions).toHaveLength(2);
  });

  test.each([
    ['PUT', '/rest', { readOnly: ['FirstName'] }, /FirstName is not a REST name/],
    ['PUT', '/rest', { readOnly: [7] }, /a list of REST names/],
    ['PUT', '/rest', { describeSoapNames: 'no' }, /true or false/],
    ['PUT', '/rest', { partitions: [] }, /partitions is not known here/],
    ['PUT', '/partitions', { partitions: [{ name: 'Asia' }, { name: 'ASIA' }] }, /two names are the same/],
    ['PUT', '/partitions', { partitions: [{ name: '' }] }, /name must be a text/],
    ['PUT', '/partitions', {}, /partitions must be a list/],
    [
      'POST',
      '/fields',
      { name: 'E-Mail', type: 'email', restName: 'email' },
      /email stands for another field/,
    ],
    ['POST', '/fields', { name: 'Created at', type: 'date' }, /createdAt stands for another field/],
    [
      'PUT',
      '/fields',
      {
        fields: [
          { name: 'a b', type: 'date' },
          { name: 'a-b', type: 'date' },
        ],
      },
      /aB stands/,
    ],
  ])('%s %s refuses %j', async (method, path, body, detail) => {
    await expect(sandbox.control(method, path, body)).rejects.toThrow(detail);
  });

  test('raised limits and other ways of counting are told to who waits for them', async () => {
    const reliefs: string[] = [];
    const told = await startTestSandbox({ onRelief: (what) => reliefs.push(what) });
    await told.control('PUT', '/rest-limits', { callsPerDay: 9 });
    await told.control('PUT', '/rest', { countTogether: false });
    expect(reliefs).toEqual(['limits', 'limits']);
  });

  test('the embedding program learns where the faces are', () => {
    expect(sandbox.restEndpoint).toBe(`${sandbox.url}/rest`);
  });
});
