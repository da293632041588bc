import { describe, expect, test } from 'vitest';
import type { UpsertLead } from '../../src/leads/lead.ts';
import { namedMembers } from '../../src/marketo-soap/named-members.ts';

const NAMES = [
  'FirstName',
  'LeadScore',
  'Unsubscribed',
  'Company',
  'State',
  'Title',
  'Shoe size',
  'c_1',
  '20',
  'IT',
  'a',
];
const LEAD: UpsertLead = {
  id: 5,
  email: 'jane@example.com',
  foreignKey: { id: '42', type: 'SFDC' },
  marketoCookie: 'id:1&token:2',
  workspace: 'Europe',
  attributes: NAMES.map((name) => ({ name, value: 'x' })),
  returnLead: false,
};

/** The last part of each member's path. */
const named = (message: string, lead = LEAD) => namedMembers(message, lead).map(({ path }) => path.at(-1));

describe('a refusal names', () => {
  test.each<[string, string[]]>([
    ['The value of Unsubscribed is not of type boolean: 1, 0, true or false is expected', ['Unsubscribed']],
    ["Value 'yes' for field 'Unsubscribed' is invalid", ['Unsubscribed']],
    ["Invalid value for field 'State'", ['State']],
    ['Invalid value for field State', ['State']],
    ['Invalid Company', ['Company']],
    ['Company: too long', ['Company']],
    ['State too long', ['State']],
    ['Title can not be null', ['Title']],
    ['Company was rejected', ['Company']],
    ['Title is readonly', ['Title']],
    ['State does not exist', ['State']],
    ['Unable to convert Company', ['Company']],
    ["Value 'yes' for Unsubscribed is not a boolean", ['Unsubscribed']],
    ['Company must have at most 255 characters', ['Company']],
    ['"Company" cannot be set', ['Company']],
    ['Cannot set [State]', ['State']],
    ['FirstName too long', ['FirstName']],
    ['syncLead operation failed: LeadScore (20110)', ['LeadScore']],
    ['Shoe size is out of range', ['Shoe size']],
    ['Bad c_1.', ['c_1']],
    ['State and Company are too long', ['State', 'Company']],
    ['The fields Company, State, and Title are read-only', ['Company', 'State', 'Title']],
    ["Invalid fields: 'Company', 'State'", ['Company', 'State']],
    ['The value of FirstName is bad; the value of LeadScore is bad', ['FirstName', 'LeadScore']],
    ['Company must be set. Company is required.', ['Company']],
    ['Invalid email address', ['email']],
    ['Email is required', ['email']],
    ['ForeignSysType must be one of CUSTOM, SFDC, NETSUITE', ['foreignSysType']],
    ['ForeignSysPersonId is too long', ['foreignSysPersonId']],
    ['Lead 1000001 is not in the primary partition of the target workspace', ['workspace']],
    ['Workspace Europe does not exist', ['workspace']],
    ['Id must be an integer', ['id']],
    ['Bad cookie', ['marketoCookie']],
  ])('%s', (message, members) => {
    expect(named(message)).toEqual(members);
  });

  test.each([
    'Company policy forbids this State of affairs',
    'Ask your IT department for a Title',
    'A call in 20 seconds is a lot',
    'CompanyName is too long',
    'X-State: none',
    'firstname is unknown',
    'The value "Company" is not allowed',
    'Too many calls',
    '',
  ])('no member: %s', (message) => {
    expect(named(message)).toEqual([]);
  });

  test('no member the lead does not have', () => {
    const lead: UpsertLead = { email: 'a@b.c', attributes: [{ name: 'Title', value: 1 }], returnLead: false };
    expect(named('LeadScore, FirstName, workspace, Id and ForeignSysPersonId must be set', lead)).toEqual([]);
  });

  test('a workspace by that name and no attribute', () => {
    expect(named('Workspace Company does not exist')).toEqual(['workspace']);
  });
});

test('beside each member stands the sentence that names it', () => {
  const message = 'The value of FirstName is bad: say more; the value of LeadScore is worse';
  expect(namedMembers(message, LEAD).map(({ sentence }) => sentence)).toEqual([
    'The value of FirstName is bad: say more',
    'the value of LeadScore is worse',
  ]);
});
