import { expect, test } from 'vitest';
import { FAULT_CODES, faultMeaning, unknownFields } from '../../src/marketo-soap/faults.ts';
import { GROWTH_BYTES, LINEAR_GROWTH, measureGrowth } from '../support/time.ts';

test('every documented code has a meaning of its own, with a sentence for the caller', () => {
  expect(FAULT_CODES).toEqual([
    10001, 20011, 20012, 20013, 20014, 20015, 20016, 20017, 20018, 20019, 20023, 20024, 20101, 20102, 20103,
    20104, 20105, 20106, 20108, 20109, 20110, 20111, 20113, 20114,
  ]);
  const unlisted = faultMeaning(29999);
  for (const code of FAULT_CODES) {
    expect(faultMeaning(code)).not.toBe(unlisted);
    expect(faultMeaning(code).detail).toMatch(/^Marketo\b.*\.$|^Marketo's .*\.$/);
  }
});

test.each([29999, 0, -1, 20107, 20112, null])(
  '%s is the error of the upstream and is not tried again',
  (code) => {
    expect(faultMeaning(code)).toMatchObject({ error: 'upstream-error', retry: 'never' });
  },
);

test('which faults are retried, and when', () => {
  const retried = FAULT_CODES.map((code) => [code, faultMeaning(code).retry] as const).filter(
    ([, retry]) => retry !== 'never',
  );
  expect(Object.fromEntries(retried)).toEqual({
    10001: 'backoff',
    20011: 'backoff',
    20015: 'day-spent',
    20016: 'reauthenticate',
    20023: 'rate-limited',
    20024: 'too-many-at-once',
  });
});

test.each([
  ['syncLead operation failed: unknown fields for import: pants (20105)', ['pants']],
  ['unknown fields for import: pants, T-shirt size,socks (20105) ', ['pants', 'T-shirt size', 'socks']],
  ['unknown field for import: pants', ['pants']],
  ['unknown fields for import: pants (brown) (20105)', ['pants (brown)']],
  ['unknown fields for import:  , ,pants, (20105)', ['pants']],
  ['unknown fields for import: (20105)', []],
  ['unknown fields for import:', []],
  ['Unknown lead field', []],
  ['', []],
])('the names in %j are %j', (message, names) => {
  expect(unknownFields(message)).toEqual(names);
});

test('names that a request cannot contain are left out', () => {
  const names = Array.from({ length: 2000 }, (_, index) => `f${index}`);
  expect(unknownFields(`unknown fields for import: ${names.join(', ')} (20105)`)).toEqual(
    names.slice(0, 1000),
  );
  expect(unknownFields(`unknown fields for import: ${'x'.repeat(256)}, y`)).toEqual(['y']);
});

test('a message of megabytes is read in linear time', () => {
  const blanks = (size: number) => `unknown fields for import: a${' '.repeat(size)}b${','.repeat(size)}`;
  const { growth } = measureGrowth(2 * GROWTH_BYTES, blanks, (message) =>
    expect(unknownFields(message)).toEqual([]),
  );
  expect(growth).toBeLessThan(LINEAR_GROWTH);
});
