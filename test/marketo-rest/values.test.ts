import { expect, test } from 'vitest';
import { jsonValue } from '../../src/marketo-rest/values.ts';

test.each([
  ['boolean', '1', 'true'],
  ['boolean', 'TRUE', 'true'],
  ['boolean', 'true', 'true'],
  ['boolean', '0', 'false'],
  ['boolean', 'False', 'false'],
  ['boolean', '', 'false'],
  ['boolean', 'yes', '"yes"'],
  ['boolean', ' 1', '" 1"'],
  ['boolean', 'constructor', '"constructor"'],
  ['boolean', 1, 'true'],
  ['boolean', 0, 'false'],
  ['boolean', -0, 'false'],
  ['boolean', 2, '2'],
  ['boolean', true, 'true'],
  ['boolean', false, 'false'],
  ['boolean', null, 'null'],
  ['number', '007', '"007"'],
  ['number', '', '""'],
  ['number', 62, '62'],
  ['number', 1.5, '1.5'],
  ['number', 1e-7, '1e-7'],
  ['number', true, '1'],
  ['number', false, '0'],
  ['number', null, 'null'],
  ['text', 'a "b"\n', String.raw`"a \"b\"\n"`],
  ['text', '', '""'],
  ['text', 44, '"44"'],
  ['text', 1e-7, '"0.0000001"'],
  ['text', 1e300, `"1${'0'.repeat(300)}"`],
  ['text', true, '"1"'],
  ['text', false, '"0"'],
  ['text', null, 'null'],
] as const)('in a %s field %j is written as %s', (kind, value, json) => {
  expect(jsonValue(kind, value)).toBe(json);
});
