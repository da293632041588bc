import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { toUpsertLead } from '../../src/http/leads/mapping.ts';
import { anyCharacter, fuzz } from '../support/fuzz.ts';

const value = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: anyCharacter, maxLength: 40 }),
  fc.double(),
  fc.bigInt({ min: -(2n ** 60n), max: 2n ** 60n }).map(Number),
  fc.nat({ max: 3 }).map((more) => 'x'.repeat(65_534 + more)),
  fc.nat({ max: 3 }).map((more) => '😀'.repeat(65_534 + more)),
);

test('a value in the map is taken or refused as the schema of the list, which looks closer, takes or refuses it', () => {
  fc.assert(
    fc.property(value, (given) => {
      const inMap = toUpsertLead({ id: 1, attributes: { Field: given } });
      const inList = toUpsertLead({ id: 1, attributeList: [{ name: 'Field', value: given }] });
      if (inMap.ok && inList.ok) expect(inMap.command).toStrictEqual(inList.command);
      else {
        const details = [inMap, inList].map((parsed) =>
          parsed.ok ? 'accepted' : parsed.errors.map(({ detail }) => detail),
        );
        expect(details[0]).toEqual(details[1]);
      }
    }),
    fuzz(10),
  );
});
