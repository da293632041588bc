import { expect, test } from 'vitest';
import { asyncPreference } from '../../src/http/leads/preferences.ts';

test.each<[string, ReturnType<typeof asyncPreference>]>([
  ['respond-async', { waitSeconds: undefined }],
  ['Respond-Async', { waitSeconds: undefined }],
  ['respond-async, wait=5', { waitSeconds: 5 }],
  ['wait=5, respond-async', { waitSeconds: 5 }],
  ['respond-async,wait = "7"', { waitSeconds: 7 }],
  ['respond-async; foo=bar; baz="a,b", wait=3', { waitSeconds: 3 }],
  ['attributes=list, respond-async', { waitSeconds: undefined }],
  ['respond-async, wait=5, wait=9', { waitSeconds: 5 }],
  ['respond-async=""', { waitSeconds: undefined }],
  ['respond-async, wait=0', { waitSeconds: 0 }],
  ['respond-async, wait=999999999', { waitSeconds: 999_999_999 }],
  [`respond-async, wait=${'9'.repeat(400)}`, { waitSeconds: Infinity }],
  // A time of another preference, or of none that is applied.
  ['foo; wait=-1, respond-async', { waitSeconds: undefined }],
  ['wait=-1', undefined],
  // A malformed preference hides no other.
  ['foo bar, respond-async', { waitSeconds: undefined }],
  [',, respond-async,', { waitSeconds: undefined }],
  ['wait=5', undefined],
  ['respond-async=no', undefined],
  ['foo="respond-async"', undefined],
  ['foo="a, respond-async"', undefined],
  ['not-respond-async', undefined],
  ['', undefined],
  [',,', undefined],
  [`respond-async${' '.repeat(500)}`, undefined],
])('Prefer: %s', (prefer, expected) => {
  expect(asyncPreference({ prefer })).toEqual(expected);
});

test.each(['-1', '1e9', '1.5', '+5', '0x10', 'soon', '"5 s"', '""', '5s'])('wait=%s is refused', (wait) => {
  const prefer = `respond-async, wait=${wait}`;
  expect(() => asyncPreference({ prefer })).toThrow(
    expect.objectContaining({ code: 'validation-failed', detail: expect.stringContaining('header Prefer') }),
  );
});

test('so is a wait without a value, whichever comes first', () => {
  expect(() => asyncPreference({ prefer: 'wait, respond-async' })).toThrow(/header Prefer/);
});

test('several lines are one list', () => {
  expect(asyncPreference({ prefer: ['wait=4', 'respond-async'] })).toEqual({
    waitSeconds: 4,
  });
});
