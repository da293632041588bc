import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toUpsertLead } from '../../src/http/leads/mapping.ts';
import { writeSyncLead } from '../../src/marketo-soap/envelope.ts';
import { readSentLead } from './envelope-schema.ts';
import { anyCharacter, fuzz, FUZZ_ROUNDS } from '../support/fuzz.ts';

const signature = {
  userId: 'u<&>',
  requestSignature: '0'.repeat(40),
  requestTimestamp: '2013-08-01T18:22:30-07:00',
};

/** Text as callers send it: markup, white space of every kind, all planes; some of it invalid in XML. */
const text = (minLength: number, maxLength: number) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.string({ unit: 'grapheme', minLength, maxLength }) },
    {
      weight: 2,
      arbitrary: fc.string({
        unit: fc.constantFrom(...Array.from('<>&"\'\r\n\t ]a;#x0é😀\u0085\u2028')),
        minLength,
        maxLength,
      }),
    },
    { weight: 1, arbitrary: fc.string({ unit: anyCharacter, minLength, maxLength }) },
  );

const attributeValue = fc.oneof(
  text(0, 40),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.constant(null),
);

const body = fc.record(
  {
    id: fc.integer({ min: 1, max: 2_147_483_647 }),
    email: fc.emailAddress(),
    foreign: fc.record({
      foreignSysPersonId: text(1, 40).map((rest) => `a${rest}`),
      foreignSysType: fc.constantFrom('CUSTOM', 'SFDC', 'NETSUITE'),
    }),
    marketoCookie: fc
      .tuple(fc.stringMatching(/^\d[\w-]{2,11}$/), fc.stringMatching(/^_mch-[\w.-]{1,40}$/), fc.boolean())
      .map(([munchkin, token, isEncoded]) => {
        const raw = `id:${munchkin}&token:${token}`;
        return isEncoded ? encodeURIComponent(raw) : raw;
      }),
    attributes: fc.array(fc.tuple(text(1, 20), attributeValue), { maxLength: 8 }).map(Object.fromEntries),
    returnLead: fc.boolean(),
    workspace: text(1, 20),
  },
  { requiredKeys: [] },
);

type Body = typeof body extends fc.Arbitrary<infer T> ? T : never;

test('any lead the schema accepts comes out of libxml2 as it went in', () => {
  let accepted = 0;
  fc.assert(
    fc.property(body, (generated) => {
      const { foreign, ...rest } = generated;
      // Through JSON, as it comes to the gateway.
      const json: unknown = JSON.parse(JSON.stringify({ ...rest, ...foreign }));
      const parsed = toUpsertLead(json);
      if (!parsed.ok) return;
      accepted += 1;
      const { workspace } = parsed.command;
      expect(readSentLead(writeSyncLead(parsed.command, signature, workspace))).toEqual(expected(generated));
    }),
    fuzz(),
  );
  // Refusals are the validation's subject; most of what is generated has to get past it.
  expect(accepted).toBeGreaterThan(FUZZ_ROUNDS / 3);
});

/** What docs/marketo-soap.md puts on the wire for a body, written again without the code under test. */
function expected({ id, email, foreign, marketoCookie, attributes, returnLead, workspace }: Body) {
  return {
    leadRecord: {
      ...(id !== undefined && { Id: String(id) }),
      ...(email !== undefined && { Email: email }),
      ...(foreign && {
        ForeignSysPersonId: foreign.foreignSysPersonId,
        ForeignSysType: foreign.foreignSysType,
      }),
    },
    attributes: Object.entries(attributes ?? {}).map(([name, value]) => [name, onTheWire(value)]),
    returnLead: String(returnLead ?? false),
    marketoCookie: marketoCookie === undefined ? undefined : decoded(marketoCookie),
    workspace,
    headers: ['AuthenticationHeader', ...(workspace === undefined ? [] : ['MktowsContextHeader'])],
  };
}

function onTheWire(value: unknown): unknown {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (value === null) return '';
  const number = value as number;
  return {
    asymmetricMatch: (written: string) =>
      /^-?\d+(?:\.\d+)?$/.test(written) && Number(written) === (number === 0 ? 0 : number),
  };
}

function decoded(cookie: string): string {
  try {
    return decodeURIComponent(cookie);
  } catch {
    return cookie;
  }
}
