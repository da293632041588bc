import { expect, test } from 'vitest';
import { matchFound } from '../../src/marketo-rest/found-leads.ts';

const idsOf = (result: readonly unknown[], filterType: string, values: readonly string[]) =>
  matchFound(result, filterType, values)?.found.map((leads) => leads.map(({ id }) => id));

test('each value gets its leads, texts without case unless two values differ by it', () => {
  const leads = [
    { id: 1, email: 'A@example.com' },
    { id: 2, email: 'b@example.com' },
    { id: 3, email: 'a@example.com' },
  ];
  expect(idsOf(leads, 'email', ['a@example.com', 'c@example.com', 'B@example.com'])).toEqual([
    [1, 3],
    [],
    [2],
  ]);
  const ids = [
    { id: 1, sfdcLeadId: '00Qa' },
    { id: 2, sfdcLeadId: '00QA' },
  ];
  expect(idsOf(ids, 'sfdcLeadId', ['00QA', '00Qa'])).toEqual([[2], [1]]);
});

test('a cookie whose token begins with another is someone else', () => {
  const asked = ['id:1&token:_mch-a-5547', 'id:1&token:_mch-a-55472'];
  expect(idsOf([{ id: 2, cookies: '_mch-a-55472' }], 'cookies', asked)).toEqual([[], [2]]);
  expect(idsOf([{ id: 2, cookies: 'x_mch-a-5547' }], 'cookies', asked)).toEqual([[], []]);
  expect(idsOf([{ id: 2, cookies: '_mch-a-55472, _mch-a-5547' }], 'cookies', asked)).toEqual([[2], [2]]);
  expect(idsOf([{ id: 2, cookies: 'id:1&token:_mch-a-5547' }], 'cookies', asked)).toEqual([[2], []]);
});

test('numbers are compared as texts', () => {
  expect(idsOf([{ id: 5, netsuiteId: 42 }], 'netsuiteId', ['42'])).toEqual([[5]]);
  expect(idsOf([{ id: 5 }, { id: 5 }, { id: 6 }], 'id', ['6', '5'])).toEqual([[6], [5]]);
});

test('a lead that does not show its value can only be the one that was asked for', () => {
  expect(matchFound([{ id: 5, cookies: null }], 'cookies', ['id:1&token:t'])).toEqual({
    found: [[{ id: 5, cookies: null }]],
    isUnclear: false,
  });
  expect(matchFound([{ id: 5 }], 'cookies', ['id:1&token:t', 'id:1&token:u'])).toEqual({
    found: [[], []],
    isUnclear: true,
  });
});

test.each([[[null]], [[{ id: '5' }]], [[{}]], [[{ id: 5, email: {} }]], [[{ id: 0 }]]])(
  '%j is no list of leads',
  (result) => {
    expect(matchFound(result, 'email', ['a'])).toBeUndefined();
  },
);
