import { expect, test } from 'vitest';
import { formToLead } from '../../../src/http/forms/form-to-lead.ts';
import { atOnce } from '../../../src/text/sliced.ts';
import { parseUrlEncoded } from '../../../src/http/forms/urlencoded.ts';

// 2000 lists of names held the event loop for a quarter of a second.
test('_clear has no more names in all its fields together than a form may have fields', () => {
  const fields = Array.from({ length: 1900 }, (_, list) => ({
    name: '_clear',
    value: Array.from({ length: 50 }, (__, at) => `a${list}_${at}`).join(','),
  }));
  const { attributes } = formToLead(fields) as { attributes: Record<string, null> };
  expect(Object.keys(attributes)).toHaveLength(2000);
});

test('several fields _clear count together', () => {
  const fields = [
    { name: '_clear', value: 'A, B' },
    { name: '_clear', value: 'C;A' },
  ];
  expect(formToLead(fields)).toEqual({ attributes: { A: null, B: null, C: null } });
});

test('a plus sign is a blank, an encoded one is not, and the bytes stay as they were', () => {
  const bytes = Buffer.from('a+b=c+%2B+d&+=%2b');
  expect(atOnce(parseUrlEncoded(bytes))).toEqual([
    { name: 'a b', value: 'c + d' },
    { name: ' ', value: '+' },
  ]);
  expect(bytes.toString()).toBe('a+b=c+%2B+d&+=%2b');
});
