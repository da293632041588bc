import { expect, test } from 'vitest';
import { unknownAttributesProblem } from '../../src/leads/unknown-attributes.ts';

test('every unknown attribute is pointed to', () => {
  const names = Array.from({ length: 1000 }, (_, at) => `An_Attribute_With_A_Usual_Name_${at}`);
  const { errors } = unknownAttributesProblem(names, []);
  expect(errors.map(({ pointer }) => pointer)).toEqual(names.map((name) => `#/attributes/${name}`));
});

test('pointers to the longest names take no more than fits into a problem; the others point to all', () => {
  const names = Array.from({ length: 1000 }, (_, at) => `${'é'.repeat(250)}${at}`);
  const { errors } = unknownAttributesProblem(names, []);
  const pointers = errors.map(({ pointer }) => pointer);
  expect(pointers).toHaveLength(1000);
  expect(pointers[0]).toBe(`#/attributes/${'%C3%A9'.repeat(250)}0`);
  expect(pointers.at(-1)).toBe('#/attributes');
  expect(pointers.join('').length).toBeLessThan(100_000);
});
