import { describe, expect, test } from 'vitest';
import type { UpsertLead } from '../../src/leads/lead.ts';
import { createSoapClient } from '../../src/marketo-soap/client.ts';
import { createUpstreamClock, signatureOf } from '../../src/marketo-soap/signing.ts';
import type { PostFailure, PostRequest, PostResponse } from '../../src/transport/http-post.ts';
import { envelope, fault, success } from '../support/answers.ts';
import { readSentLead } from './envelope-schema.ts';

const NOW = Date.parse('2013-08-01T12:00:00Z');
const credentials = { userId: 'demo17_1_809934544BFABAE58E5D27', encryptionKey: '27272727aa' };
const lead: UpsertLead = { email: 'a@b.c', attributes: [], returnLead: false };

type Post = PostResponse | PostFailure;

const answer = (body: string, rest: Partial<PostResponse> = {}): PostResponse => ({
  kind: 'response',
  status: 200,
  contentType: 'text/xml',
  date: undefined,
  retryAfter: undefined,
  redirectsTo: undefined,
  body: Buffer.from(body),
  ...rest,
});

/** A client whose posts are answered by a function. */
function start(reply: (request: PostRequest) => Post) {
  const requests: PostRequest[] = [];
  const corrections: number[] = [];
  const client = createSoapClient({
    post: (request) => {
      requests.push(request);
      return Promise.resolve(reply(request));
    },
    credentials,
    clock: createUpstreamClock(
      () => NOW,
      (correctionMs) => corrections.push(correctionMs),
    ),
    timeoutMs: 1234,
    userAgent: 'lead-gateway/1.2.3',
  });
  const { signal } = new AbortController();
  return {
    requests,
    corrections,
    signal,
    syncLead: (command: Partial<UpsertLead> = {}) => client.syncLead({ ...lead, ...command }, signal),
    syncMultipleLeads: (count: number, ids: readonly number[] = []) =>
      client.syncMultipleLeads(
        Array.from({ length: count }, (_, index) => {
          const id = ids[index];
          return { ...lead, email: `a${index}@b.c`, ...(id !== undefined && { id }) };
        }),
        signal,
      ),
  };
}

describe('the request', () => {
  test('has the headers of SOAP 1.1, the timeout, and the signal', async () => {
    const { requests, signal, syncLead } = start(() => answer(success()));
    await syncLead();
    expect(requests).toEqual([
      {
        headers: {
          'content-type': 'text/xml; charset=utf-8',
          soapaction: '"http://www.marketo.com/mktows/syncLead"',
          accept: 'text/xml',
          'user-agent': 'lead-gateway/1.2.3',
        },
        body: expect.any(String),
        timeoutMs: 1234,
        signal,
      },
    ]);
  });

  test('is signed with the time of the upstream', async () => {
    const { requests, syncLead } = start(() => answer(success()));
    await syncLead();
    const signature = signatureOf('2013-08-01T12:00:00+00:00', credentials.userId, credentials.encryptionKey);
    expect(requests[0]?.body).toContain(`<requestSignature>${signature}</requestSignature>`);
    expect(requests[0]?.body).toContain('<requestTimestamp>2013-08-01T12:00:00+00:00</requestTimestamp>');
  });

  test('names the workspace of the command', async () => {
    const { requests, syncLead } = start(() => answer(success()));
    await syncLead({ workspace: 'Other' });
    await syncLead();
    expect(requests.map(({ body }) => readSentLead(body).workspace)).toEqual(['Other', undefined]);
  });

  test('for many leads has the action of that operation', async () => {
    const { requests, syncMultipleLeads } = start(() => answer(''));
    await syncMultipleLeads(2);
    expect(requests[0]?.headers['soapaction']).toBe('"http://www.marketo.com/mktows/syncMultipleLeads"');
    expect(requests[0]?.body).toContain('<Email>a1@b.c</Email>');
  });
});

describe('an answer', () => {
  test.each([false, true])(
    'that stored the lead, with the lead when that was wanted: %s',
    async (returnLead) => {
      const record = success({ leadRecord: '<leadRecord><Id>1089965</Id></leadRecord>' });
      const stored = await start(() => answer(record)).syncLead({ returnLead });
      expect(stored).toEqual({
        kind: 'stored',
        result: {
          leadId: 1089965,
          status: 'UPDATED',
          ...(returnLead && {
            lead: {
              id: 1089965,
              email: null,
              foreignSysPersonId: null,
              foreignSysType: null,
              attributes: [],
            },
          }),
        },
      });
    },
  );

  test('that was wanted with the lead and has none', async () => {
    expect(await start(() => answer(success())).syncLead({ returnLead: true })).toEqual({
      kind: 'stored',
      result: { leadId: 1089965, status: 'UPDATED' },
    });
  });

  test.each<[string, Post, object]>([
    [
      'that refused the lead',
      answer(success({ status: 'FAILED', error: '<error>no</error>' })),
      { kind: 'rejected', message: 'no' },
    ],
    [
      'that is a fault, on any status',
      answer(fault(20024), { status: 503, retryAfter: '7' }),
      { kind: 'fault', fault: { code: 20024, message: 'Refused (20024)' }, retryAfter: '7' },
    ],
    [
      'that cannot be read',
      answer('', { status: 502, retryAfter: '7' }),
      { kind: 'unreadable', reason: 'is empty', httpStatus: 502, retryAfter: '7' },
    ],
    [
      'with an unknown status',
      answer(success({ status: 'SKIPPED' })),
      {
        kind: 'unreadable',
        reason: 'has a status this gateway does not know',
        said: 'SKIPPED',
        httpStatus: 200,
        retryAfter: undefined,
      },
    ],
  ])('%s', async (_what, post, outcome) => {
    expect(await start(() => post).syncLead()).toEqual(outcome);
  });

  test('with the signature in its words does not pass it on', async () => {
    const quoting = (write: (quoted: string) => string) =>
      start(({ body }) => {
        const [, signature = ''] = /<requestSignature>(.*?)</.exec(body) ?? [];
        return answer(write(signature));
      }).syncLead();
    expect(await quoting((quoted) => fault(20014, 'no', `bad signature ${quoted}, ${quoted}`))).toMatchObject(
      {
        fault: { message: 'bad signature (signature), (signature)' },
      },
    );
    expect(
      await quoting((quoted) => success({ status: 'FAILED', error: `<error>${quoted}</error>` })),
    ).toEqual({
      kind: 'rejected',
      message: '(signature)',
    });
    expect(await quoting((quoted) => success({ status: quoted }))).toMatchObject({ said: '(signature)' });
  });
});

describe('fault 20016', () => {
  const expired = (date: string | undefined) => start(() => answer(fault(20016), { date }));

  test('sets the clock by the date of the answer', async () => {
    const { requests, corrections, syncLead } = expired('Thu, 01 Aug 2013 12:20:00 GMT');
    await syncLead();
    await syncLead();
    expect(corrections).toEqual([1_200_000]);
    expect(requests[1]?.body).toContain('<requestTimestamp>2013-08-01T12:20:00+00:00</requestTimestamp>');
  });

  test('without a date leaves the clock alone', async () => {
    const { corrections, syncLead } = expired(undefined);
    await syncLead();
    expect(corrections).toEqual([]);
  });

  test('to many leads does the same; any other fault does not', async () => {
    const { corrections, syncMultipleLeads } = expired('Thu, 01 Aug 2013 12:20:00 GMT');
    expect(await syncMultipleLeads(2)).toMatchObject({ kind: 'fault' });
    expect(corrections).toEqual([1_200_000]);
    const other = start(() => answer(fault(20014), { date: 'Thu, 01 Aug 2013 12:20:00 GMT' }));
    await other.syncLead();
    expect(other.corrections).toEqual([]);
  });
});

describe('no answer', () => {
  const cause = new Error('inside');

  test.each<[PostFailure['reason'], object]>([
    ['connect', { kind: 'unreachable', wasSent: false, cause }],
    ['reset', { kind: 'unreachable', wasSent: true, cause }],
    ['timeout', { kind: 'timeout', cause }],
    ['cancelled', { kind: 'cancelled' }],
    [
      'too-large',
      {
        kind: 'unreadable',
        reason: 'is too large',
        httpStatus: null,
        retryAfter: undefined,
        isTooLarge: true,
        cause,
      },
    ],
    [
      'bad-encoding',
      {
        kind: 'unreadable',
        reason: 'cannot be decompressed',
        httpStatus: null,
        retryAfter: undefined,
        cause,
      },
    ],
    [
      'not-http',
      { kind: 'unreadable', reason: 'is not HTTP', httpStatus: null, retryAfter: undefined, cause },
    ],
  ])('%s', async (reason, outcome) => {
    const { syncLead, syncMultipleLeads } = start(() => ({ kind: 'failure', reason, cause }));
    expect(await syncLead()).toEqual(outcome);
    expect(await syncMultipleLeads(2)).toEqual(outcome);
  });
});

describe('an answer to many leads', () => {
  const many = (...statuses: string[]) =>
    envelope(
      `<ns1:successSyncMultipleLeads><result><syncStatusList>${statuses.join('')}</syncStatusList></result></ns1:successSyncMultipleLeads>`,
    );
  const CREATED = '<syncStatus><leadId>5</leadId><status>CREATED</status></syncStatus>';
  const FAILED = '<syncStatus><leadId>0</leadId><status>FAILED</status><error>no</error></syncStatus>';

  test('has an outcome for each', async () => {
    expect(await start(() => answer(many(CREATED, FAILED))).syncMultipleLeads(2)).toEqual({
      kind: 'answered',
      records: [
        { kind: 'stored', result: { leadId: 5, status: 'CREATED' } },
        { kind: 'rejected', message: 'no' },
      ],
    });
  });

  test('takes a turn of the event loop of its own to write the call, to send it, to read it, and to explain it', async () => {
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    const turnsOf = async (leads: number) => {
      const statuses = Array.from({ length: leads }, () => CREATED);
      const { syncMultipleLeads } = start(() => answer(many(...statuses)));
      turns = 0;
      await syncMultipleLeads(leads);
      return turns;
    };
    setImmediate(count);
    expect(await turnsOf(2)).toBe(0);
    expect(await turnsOf(40)).toBeGreaterThanOrEqual(4);
    isOver = true;
  });

  test.each([0, 1, 3])('with %i statuses for two leads cannot be matched', async (count) => {
    const statuses = Array.from({ length: count }, () => CREATED);
    expect(await start(() => answer(many(...statuses))).syncMultipleLeads(2)).toEqual({ kind: 'mismatched' });
  });

  test('with the leads in another order cannot be matched', async () => {
    const six = CREATED.replace('5', '6');
    const kindOf = async (ids: readonly number[], ...statuses: string[]) =>
      (await start(() => answer(many(...statuses))).syncMultipleLeads(2, ids)).kind;
    expect(await kindOf([5, 6], CREATED, six)).toBe('answered');
    expect(await kindOf([5, 6], six, CREATED)).toBe('mismatched');
    expect(await kindOf([5, 6], FAILED, CREATED)).toBe('mismatched');
    // One that was merged may have the id of another lead, of the same call or not.
    expect(await kindOf([5, 7], CREATED, six)).toBe('answered');
    expect(await kindOf([5, 6], six, six)).toBe('answered');
  });

  test('that cannot be read is one outcome for all', async () => {
    expect(await start(() => answer('', { status: 503, retryAfter: '1' })).syncMultipleLeads(2)).toEqual({
      kind: 'unreadable',
      reason: 'is empty',
      httpStatus: 503,
      retryAfter: '1',
    });
  });
});
