import fc from 'fast-check';
import { expect, test } from 'vitest';
import { typedValue } from '../../src/marketo-soap/reply.ts';
import { fuzz } from '../support/fuzz.ts';

test.each([
  ['integer', '62', 62],
  ['integer', '-5', -5],
  ['integer', '+5', 5],
  ['integer', '007', 7],
  ['integer', '9007199254740991', 9007199254740991],
  ['score', '0', 0],
  ['float', '3.14', 3.14],
  ['float', '-.5', -0.5],
  ['float', '5.', 5],
  ['float', '1.5e3', 1500],
  ['float', '0.000', 0],
  ['float', '0e5', 0],
  ['float', '0.30000000000000004', 0.30000000000000004],
  ['currency', '1234.50', 1234.5],
  ['percent', '99', 99],
  ['boolean', '1', true],
  ['boolean', '0', false],
  ['boolean', 'true', true],
  ['boolean', 'false', false],
])('%s %j becomes %j', (type, value, expected) => {
  expect(typedValue(type, value)).toBe(expected);
});

test.each([
  ['integer', '62.0'],
  ['integer', '6e1'],
  ['integer', ' 62'],
  ['integer', '9007199254740993'],
  ['integer', '٣'],
  ['score', 'abc'],
  ['score', ''],
  ['float', '1,5'],
  ['float', 'NaN'],
  ['float', 'Infinity'],
  ['float', '0x1F'],
  ['float', '.'],
  ['float', '1e999'],
  ['float', '1e-400'],
  ['float', '1.23456789e-320'],
  ['currency', '$5'],
  ['currency', '0.1234567890123456789'],
  ['percent', '50%'],
  ['boolean', 'TRUE'],
  ['boolean', 'yes'],
  ['boolean', '2'],
])('%s %j does not fit its type, or not into a number, and stays what it is', (type, value) => {
  expect(typedValue(type, value)).toBe(value);
});

test.each(['string', 'text', 'email', 'phone', 'url', 'date', 'datetime', 'Integer', '', 'xsd:int'])(
  'type %j leaves every value a string',
  (type) => {
    for (const value of ['02134', '0E68', '1', 'true', ' a ']) expect(typedValue(type, value)).toBe(value);
  },
);

test('a decimal of up to 15 digits keeps its value', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -(10 ** 15) + 1, max: 10 ** 15 - 1 }),
      fc.integer({ min: 0, max: 14 }),
      (n, scale) => {
        const digits = String(Math.abs(n)).padStart(scale + 1, '0');
        const point = digits.length - scale;
        const text = `${n < 0 ? '-' : ''}${digits.slice(0, point)}${scale > 0 ? '.' : ''}${digits.slice(point)}`;
        const value = typedValue('float', text);
        expect(typeof value).toBe('number');
        expect(Number(value).toFixed(scale)).toBe(n === 0 ? text.replace('-', '') : text);
      },
    ),
    fuzz(20),
  );
});
