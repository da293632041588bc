import { describe, expect, test } from 'vitest';
import type { FindLeads, LookupKey } from '../../src/leads/lookup.ts';
import { type LookupStep, lookupStep, toLookupOutcome } from '../../src/marketo-soap/lookup.ts';
import { readFindReply } from '../../src/marketo-soap/reply-find.ts';

const record = (id: number, email: string) =>
  `<leadRecord><Id>${id}</Id><Email>${email}</Email><leadAttributeList><attribute><attrName>City</attrName>` +
  `<attrType>string</attrType><attrValue>Ulm</attrValue></attribute></leadAttributeList></leadRecord>`;

const envelope = (content: string) =>
  `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://www.marketo.com/mktows/"><S:Body>${content}</S:Body></S:Envelope>`;

const many = (result: string) =>
  envelope(`<m:successGetMultipleLeads><result>${result}</result></m:successGetMultipleLeads>`);

function read(
  text: string,
  expected: 'successGetLead' | 'successGetMultipleLeads' = 'successGetMultipleLeads',
) {
  return readFindReply(Buffer.from(text), 'text/xml', expected);
}

describe('a reply with leads', () => {
  test('has each with its attributes, and says how many are left', () => {
    const list = `<leadRecordList>${record(1, 'a@b.c')}${record(2, 'b@b.c')}</leadRecordList>`;
    expect(read(many(`<returnCount>2</returnCount><remainingCount>3</remainingCount>${list}`))).toMatchObject(
      {
        kind: 'found',
        remaining: 3,
        leads: [{ id: 1, email: 'a@b.c', attributes: [{ name: 'City', value: 'Ulm' }] }, { id: 2 }],
      },
    );
  });

  test('may be empty in every spelling', () => {
    for (const list of ['', '<leadRecordList/>', '<leadRecordList></leadRecordList>'])
      expect(read(many(`<returnCount>0</returnCount>${list}`))).toEqual({
        kind: 'found',
        leads: [],
        remaining: 0,
      });
  });

  test.each([
    ['no result', envelope('<m:successGetMultipleLeads/>'), 'has no result in it'],
    ['no list', many('<returnCount>1</returnCount>'), 'has no leadRecordList in it'],
    ['neither count nor list', many(''), 'has no leadRecordList in it'],
    [
      'fewer leads than it says',
      many(`<returnCount>2</returnCount><leadRecordList>${record(1, 'a@b.c')}</leadRecordList>`),
      'has another number of leads than it says',
    ],
    [
      'a lead without an id',
      many('<returnCount>1</returnCount><leadRecordList><leadRecord/></leadRecordList>'),
      'has a lead without an Id',
    ],
    [
      'a count that is no number',
      many('<returnCount>many</returnCount><leadRecordList/>'),
      'has an invalid returnCount',
    ],
    ['the answer to another call', envelope('<m:successGetLead/>'), 'is not an answer to this call'],
  ])('with %s is unreadable: no lead is missing unnoticed', (_name, text, reason) => {
    expect(read(text)).toMatchObject({ kind: 'unreadable', reason });
  });
});

function stepOf(find: LookupKey, fields?: readonly string[]): LookupStep {
  const query: FindLeads = { find, fields };
  const step = lookupStep(query, 1_000_000);
  if ('error' in step) throw new Error(step.error);
  return step;
}

const byEmail = (value: string, fields?: readonly string[]) => stepOf({ by: 'email', value }, fields);
const lead = (id: number, email: string | null) => ({
  id,
  email,
  foreignSysPersonId: null,
  foreignSysType: null,
  attributes: [{ name: 'City', value: 'Ulm' }],
});
const found = (leads: ReturnType<typeof lead>[], remaining = 0) =>
  ({ kind: 'found', leads, remaining }) as const;

describe('the step of a lookup', () => {
  test('shares a call by id and email with those that ask for the same fields, 100 at most', () => {
    expect(byEmail('a@b.c').group).toBe(byEmail('x@b.c').group);
    expect(byEmail('a@b.c', ['City']).group).not.toBe(byEmail('a@b.c').group);
    expect(stepOf({ by: 'id', value: '1' }).group).not.toBe(byEmail('a@b.c').group);
    expect(byEmail('a@b.c').size * 100).toBe(1_000_000);
  });

  test('goes alone by any other key', () => {
    for (const by of ['marketoCookie', 'sfdcAccountId', 'sfdcLeadOwnerId', 'sfdcOpptyId'] as const)
      expect(stepOf({ by, value: 'x' }).group).toBeNull();
    expect(stepOf({ by: 'foreignSysPersonId', value: '00Q1', type: 'SFDC' }).group).toBeNull();
  });
});

describe('what a call has found', () => {
  test('goes to those who asked for it, without case; leads that come twice come once', () => {
    const steps = [byEmail('A@b.c'), byEmail('x@b.c'), byEmail('c@b.c')];
    const leads = [lead(1, 'a@B.c'), lead(1, 'a@B.c'), lead(2, 'a@b.c'), lead(3, 'c@b.c')];
    const outcome = toLookupOutcome(found(leads), steps);
    expect(outcome).toMatchObject({ kind: 'answered' });
    const ids =
      'records' in outcome
        ? outcome.records.map((one) => 'leads' in one && one.leads.map(({ id }) => id))
        : [];
    expect(ids).toEqual([[1, 2], [], [3]]);
  });

  test('has the fields that were asked for and no others', () => {
    expect(toLookupOutcome(found([lead(1, 'a@b.c')]), [byEmail('a@b.c', ['FirstName'])])).toMatchObject({
      records: [{ kind: 'found', leads: [{ id: 1, attributes: [] }] }],
    });
  });

  test('is asked for again alone where a lead has another key than any that was asked for', () => {
    // Lead 7 was merged into lead 9.
    const steps = [stepOf({ by: 'id', value: '7' }), stepOf({ by: 'id', value: '8' })];
    expect(toLookupOutcome(found([lead(9, null), lead(8, null)]), steps)).toMatchObject({
      records: [
        { kind: 'next', step: { group: null } },
        { kind: 'found', leads: [{ id: 8 }] },
      ],
    });
  });

  test('splits the call where leads are left over or it is too large, but not that for one key', () => {
    const steps = [byEmail('a@b.c'), byEmail('b@b.c')];
    expect(toLookupOutcome(found([], 1), steps)).toMatchObject({ kind: 'failed', isolates: 'record' });
    expect(toLookupOutcome(found([lead(1, 'a@b.c')], 1), [byEmail('a@b.c')])).toMatchObject({
      kind: 'answered',
    });
    const tooLarge = {
      kind: 'unreadable',
      reason: 'is too large',
      httpStatus: null,
      retryAfter: undefined,
      isTooLarge: true,
    } as const;
    expect(toLookupOutcome(tooLarge, steps)).toMatchObject({ kind: 'failed', isolates: 'record' });
  });

  test('is nothing after fault 20103, and may be asked for again after a time-out', () => {
    const fault = {
      kind: 'fault',
      fault: { code: 20103, message: 'No lead' },
      retryAfter: undefined,
    } as const;
    expect(toLookupOutcome(fault, [byEmail('a@b.c')])).toMatchObject({
      records: [{ kind: 'found', leads: [] }],
    });
    expect(toLookupOutcome({ kind: 'timeout', cause: undefined }, [byEmail('a@b.c')])).toMatchObject({
      kind: 'failed',
      advice: 'backoff',
    });
  });
});
