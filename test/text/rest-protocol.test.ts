import { describe, expect, test } from 'vitest';
import {
  CUSTOM_LOOKUP_TYPES,
  documentedRestName,
  FORM_CONTENT_TYPE,
  IDENTITY_BASE,
  LEAD_PATHS,
  LOOKUP_FIELDS,
  PARTITION_FIELD,
  REST_BASE,
  REST_CODES,
  REST_CONTENT_TYPE,
  REST_LIMITS,
  REST_PATHS,
  REST_READ_ONLY_FIELDS,
  SYNC_ACTIONS,
} from '../../src/text/rest-protocol.ts';

describe('the REST name of a standard field', () => {
  test.each([
    ['FirstName', 'firstName'],
    ['Email', 'email'],
    ['AnonymousIP', 'anonymousIP'],
    ['SICCode', 'sicCode'],
    ['DateofBirth', 'dateOfBirth'],
    ['Marketo Jigsaw Contact Id', 'jigsawContactId'],
    ['Marketo Jigsaw Contact Status', 'jigsawContactStatus'],
    ['Lead Partition ID', PARTITION_FIELD],
    ['Contact Company', 'contactCompany'],
    ['Lead Person', 'leadPerson'],
    ['Person Primary Lead Interest', 'personPrimaryLeadInterest'],
  ])('of %s is %s', (soapName, restName) => {
    expect(documentedRestName(soapName)).toBe(restName);
  });

  test('does not come from the prototype of an object', () => {
    expect(documentedRestName('constructor')).toBe('constructor');
    expect(documentedRestName('')).toBe('');
  });
});

test('no path has two slashes in a row, with or without its base', () => {
  const paths = [
    IDENTITY_BASE + REST_PATHS.token,
    ...Object.values(REST_PATHS).map((path) => REST_BASE + path),
    ...Object.values(LEAD_PATHS).map((path) => REST_BASE + path(7)),
  ];
  expect(paths.filter((path) => path.includes('//') || !path.startsWith('/'))).toEqual([]);
  expect(paths).toContain('/rest/v1/leads/7/associate.json');
});

test('no list names anything twice, and codes are whole numbers', () => {
  for (const list of [
    SYNC_ACTIONS,
    LOOKUP_FIELDS,
    CUSTOM_LOOKUP_TYPES,
    REST_READ_ONLY_FIELDS,
    Object.values(REST_CODES),
    [REST_CONTENT_TYPE, FORM_CONTENT_TYPE],
  ]) {
    expect(new Set(list).size).toBe(list.length);
  }
  expect(Object.values(REST_CODES).filter((code) => !/^\d{3,4}$/.test(code))).toEqual([]);
  expect(REST_LIMITS).toEqual({ records: 300, values: 300, matches: 1000 });
});
