import { FOREIGN_SYS_TYPES } from '../../text/soap-protocol.ts';
import { MAX_MEMBER_ERRORS, type MemberError } from '../../leads/errors.ts';
import type { ForeignSysType } from '../../leads/lead.ts';
import { type FindLeads, LOOKUP_MEMBERS, type LookupKey } from '../../leads/lookup.ts';
import { memberPointer } from '../../text/json.ts';
import { describeInvalidCharacter, isLongerThan } from '../../text/xml-characters.ts';
import { invalidRequest, MAX_ID, unknownName } from '../problems/problem.ts';
import { keyMemberOf, MAX_ATTRIBUTES, nameComplaint } from './attribute-list.ts';
import { cookieComplaint, decodeCookie, emailComplaint, toWireAddress } from './identifiers.ts';

const KEYS: readonly LookupKey['by'][] = [...LOOKUP_MEMBERS, 'foreignSysPersonId'];
const PARAMETERS: readonly string[] = [...KEYS, 'foreignSysType', 'fields'];
const ONE_KEY = `give exactly one of ${KEYS.join(', ')}`;

const MAX_KEY_LENGTH = 255;
const QUERY = { part: 'parameter', whole: 'The query' } as const;

/**
 * Reads the query of `GET /leads` (docs/rest-api.md#get-leads), a form: `+` stands for a blank. Complaints name the
 * parameter and never repeat its value.
 *
 * @param search what follows the question mark
 * @throws {GatewayError} `validation-failed`, with everything that is wrong
 */
export function toFindLeads(search: string): FindLeads {
  const given = new URLSearchParams(search);
  const errors: MemberError[] = [];
  const complain = (name: string, detail: string) => errors.push({ pointer: memberPointer(name), detail });
  for (const name of new Set(given.keys())) {
    if (!PARAMETERS.includes(name))
      errors.push(unknownName(name, 'a parameter of a lookup', PARAMETERS, errors.length));
    else if (given.getAll(name).length > 1) complain(name, 'is given more than once');
    else if (given.get(name) === '') complain(name, 'must not be empty');
  }
  const keys = KEYS.filter((name) => given.has(name));
  const [by, ...others] = keys;
  if (by === undefined) errors.push({ pointer: '#', detail: ONE_KEY });
  for (const name of others) complain(name, `cannot be combined with ${by}; ${ONE_KEY}`);
  const type = typeOf(given, complain);
  const value = by === undefined ? '' : (given.get(by) ?? '');
  const complaint = by === undefined || value === '' ? undefined : COMPLAINTS[by](value);
  if (by !== undefined && complaint !== undefined) complain(by, complaint);
  const fields = fieldsOf(given.get('fields') ?? undefined, complain);
  if (errors.length > 0 || by === undefined) {
    throw invalidRequest(errors.slice(0, MAX_MEMBER_ERRORS), errors.length, QUERY);
  }
  return { find: keyOf(by, value, type), fields };
}

function keyOf(by: LookupKey['by'], value: string, type: ForeignSysType | undefined): LookupKey {
  switch (by) {
    case 'foreignSysPersonId':
      return { by, value, type: type ?? 'CUSTOM' };
    case 'email':
      return { by, value: toWireAddress(value) };
    case 'marketoCookie':
      return { by, value: decodeCookie(value) };
    default:
      return { by, value };
  }
}

type Complain = (name: string, detail: string) => void;

function typeOf(given: URLSearchParams, complain: Complain): ForeignSysType | undefined {
  const text = given.get('foreignSysType') ?? '';
  const type = FOREIGN_SYS_TYPES.find((known) => known === text);
  const hasId = given.has('foreignSysPersonId');
  if (text === '') {
    if (hasId && !given.has('foreignSysType')) {
      complain(
        'foreignSysType',
        `is required with foreignSysPersonId: one of ${FOREIGN_SYS_TYPES.join(', ')}`,
      );
    }
  } else if (!hasId) {
    complain('foreignSysType', 'may only be sent with foreignSysPersonId, which is missing');
  } else if (type === undefined) {
    complain('foreignSysType', `must be one of ${FOREIGN_SYS_TYPES.join(', ')}`);
  }
  return type;
}

function textComplaint(value: string): string | undefined {
  if (value.trim() === '') return 'must have more than white space';
  if (isLongerThan(value, MAX_KEY_LENGTH)) return `must have at most ${MAX_KEY_LENGTH} characters`;
  return describeInvalidCharacter(value);
}

/** What is wrong with the value of each key. */
const COMPLAINTS: Readonly<Record<LookupKey['by'], (value: string) => string | undefined>> = {
  id: (value) =>
    /^[1-9]\d{0,9}$/.test(value) && Number(value) <= MAX_ID
      ? undefined
      : `must be a whole number from 1 to ${MAX_ID}`,
  email(value) {
    const complaint = emailComplaint(value);
    return complaint !== undefined && value.includes(' ')
      ? `${complaint}; a + in a query stands for a blank, so write it as %2B`
      : complaint;
  },
  marketoCookie: cookieComplaint,
  foreignSysPersonId: textComplaint,
  sfdcAccountId: textComplaint,
  sfdcLeadOwnerId: textComplaint,
  sfdcOpptyId: textComplaint,
};

/** Sorted and without duplicates, so that equal lookups are recognized. Keys come with every lead. */
function fieldsOf(text: string | undefined, complain: Complain): readonly string[] | undefined {
  if (text === undefined || text === '') return undefined;
  const names = text.split(',').map((name) => name.trim());
  if (names.length > MAX_ATTRIBUTES) {
    complain('fields', `must have at most ${MAX_ATTRIBUTES} names`);
    return undefined;
  }
  const attributes = names.filter((name) => keyMemberOf(name) === undefined);
  const complaint = attributes.map(nameComplaint).find((found) => found !== undefined);
  if (complaint !== undefined) complain('fields', `must be names with commas between them: ${complaint}`);
  return [...new Set(attributes)].toSorted();
}
