import { describe, expect, test } from 'vitest';
import { toFindLeads } from '../../src/http/leads/find-query.ts';
import { GatewayError } from '../../src/leads/errors.ts';

function refusalOf(search: string): GatewayError {
  try {
    toFindLeads(search);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error(`${search} was not refused`);
}

const COOKIE = 'id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169';

describe('the query of a lookup', () => {
  test.each([
    ['id=7', { by: 'id', value: '7' }],
    ['email=Jane%2Bx@Example.com', { by: 'email', value: 'Jane+x@Example.com' }],
    ['email=info@m%C3%BCnchen.example', { by: 'email', value: 'info@xn--mnchen-3ya.example' }],
    [`marketoCookie=${encodeURIComponent(COOKIE)}`, { by: 'marketoCookie', value: COOKIE }],
    [
      'foreignSysPersonId=00Q1&foreignSysType=SFDC',
      { by: 'foreignSysPersonId', value: '00Q1', type: 'SFDC' },
    ],
    ['sfdcAccountId=001', { by: 'sfdcAccountId', value: '001' }],
    ['sfdcLeadOwnerId=005', { by: 'sfdcLeadOwnerId', value: '005' }],
    ['sfdcOpptyId=a+b', { by: 'sfdcOpptyId', value: 'a b' }],
  ])('%s', (search, find) => {
    expect(toFindLeads(search)).toEqual({ find, fields: undefined });
  });

  test('fields are names with commas between them, each once; keys come anyway', () => {
    expect(toFindLeads('id=7&fields=LeadScore,%20FirstName,LeadScore,email,Lead%20Role').fields).toEqual([
      'FirstName',
      'Lead Role',
      'LeadScore',
    ]);
    expect(toFindLeads('id=7&fields=Email').fields).toEqual([]);
  });

  test.each([
    ['', '#', /^give exactly one of id, email, marketoCookie/],
    ['fields=FirstName', '#', /^give exactly one of/],
    ['id=7&email=a@b.c', '#/email', /^cannot be combined with id; give exactly one of/],
    ['id=7&id=8', '#/id', /^is given more than once$/],
    ['id=7&fields=A&fields=B', '#/fields', /^is given more than once$/],
    ['email=', '#/email', /^must not be empty$/],
    ['id=7&fields=', '#/fields', /^must not be empty$/],
    ['id=0', '#/id', /^must be a whole number from 1 to 2147483647$/],
    ['id=2147483648', '#/id', /^must be a whole number/],
    ['id=7.5', '#/id', /^must be a whole number/],
    ['email=jane', '#/email', /^must be an email address/],
    ['email=jane+x@example.com', '#/email', /write it as %2B$/],
    ['email=undefined@undefined', '#/email', /placeholder/],
    ['marketoCookie=abc', '#/marketoCookie', /_mkto_trk/],
    ['foreignSysPersonId=1', '#/foreignSysType', /^is required with foreignSysPersonId/],
    ['foreignSysPersonId=1&foreignSysType=X', '#/foreignSysType', /^must be one of CUSTOM, SFDC, NETSUITE$/],
    ['id=7&foreignSysType=SFDC', '#/foreignSysType', /^may only be sent with foreignSysPersonId/],
    [`sfdcOpptyId=${'x'.repeat(256)}`, '#/sfdcOpptyId', /^must have at most 255 characters$/],
    ['sfdcLeadOwnerId=%0a', '#/sfdcLeadOwnerId', /^must have more than white space$/],
    ['sfdcAccountId=%00', '#/sfdcAccountId', /./],
    ['id=7&fields=A,,B', '#/fields', /^must be names with commas between them/],
    ['id=7&emial=a@b.c', '#/emial', /^is not a parameter of a lookup; did you mean email\?$/],
    ['id=7&__proto__=1', '#/__proto__', /^is not a parameter of a lookup/],
  ])('%s is refused at %s', (search, pointer, detail) => {
    const { code, errors = [] } = refusalOf(search);
    expect(code).toBe('validation-failed');
    expect(errors).toContainEqual({ pointer, detail: expect.stringMatching(detail) });
  });

  test('a refusal names all that is wrong, and repeats no value', () => {
    const { detail, errors, message } = refusalOf('email=jane.secret&id=x&shoe=44&fields=');
    expect(detail).toMatch(/^\d parameters are not valid\. /);
    expect(errors?.map(({ pointer }) => pointer)).toEqual(['#/shoe', '#/fields', '#/email', '#/id']);
    expect(JSON.stringify([detail, errors, message])).not.toMatch(/jane|44/);
  });

  test('a refusal writes names as they were sent', () => {
    expect(refusalOf('id=7&a%2Fb~c=1').detail).toContain('a/b~c: is not a parameter of a lookup.');
  });

  test('many names and long ones make no long refusal', () => {
    const { errors = [], detail } = refusalOf(`id=7&${'x'.repeat(5000)}=1`);
    expect(errors).toEqual([
      { pointer: '#', detail: 'has a name that is too long to repeat; it is not a parameter of a lookup' },
    ]);
    expect(detail.length).toBeLessThan(200);
  });
});

test('lists no more mistakes than a problem may have', () => {
  const { errors, detail } = refusalOf(Array.from({ length: 3000 }, (_, at) => `p${at}`).join('&'));
  expect(errors).toHaveLength(1000);
  expect(detail).toMatch(/^3001 parameters are not valid\..* errors lists the first 1000\.$/);
});
