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
  // Of no use as a time, and so ignored.
  ['respond-async, wait=-1', { waitSeconds: undefined }],
  ['respond-async, wait=1e9', { waitSeconds: undefined }],
  ['respond-async, wait=999999999', { waitSeconds: 999_999_999 }],
  ['respond-async, wait', { waitSeconds: undefined }],
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
