import type { MemberError } from '../../leads/errors.ts';
import { memberPointer } from '../../text/json.ts';
import { MEMBERS } from '../leads/mapping.ts';
import { invalidLead } from '../problems/problem.ts';
import { type FormField, MAX_FIELDS } from './fields.ts';

/** Names the fields whose empty values clear, separated by commas or semicolons. */
const CLEAR = '_clear';
/** Browsers fill it in with the encoding of the form (HTML standard, 4.10.21.5). */
const CHARSET = '_charset_';

const MEMBER_NAMES: ReadonlySet<string> = new Set(MEMBERS);

/**
 * The JSON body that a form stands for (docs/forms.md#fields): members of a lead by their names, every other field an
 * attribute. Throws `validation-failed` for what JSON could not say, with pointers to the fields.
 */
export function formToLead(fields: readonly FormField[]): Record<string, unknown> {
  const { texts, errors } = gather(fields);
  const cleared = new Set(namesIn(texts.get(CLEAR) ?? []));
  texts.delete(CLEAR);
  const members: [string, unknown][] = [];
  const attributes = new Map<string, string | null>();
  for (const [name, values] of texts) {
    if (name === CHARSET) continue;
    const given = values.filter((value) => value !== '');
    if (given.length === 0) continue;
    if (!MEMBER_NAMES.has(name)) attributes.set(name, given.join(';'));
    else if (new Set(given).size === 1) members.push([name, coerce(name, given[0] ?? '')]);
    else errors.push({ pointer: memberPointer(name), detail: 'is sent twice; send it once' });
  }
  for (const name of cleared) {
    if (name !== '' && !attributes.has(name) && !MEMBER_NAMES.has(name)) attributes.set(name, null);
  }
  if (errors.length > 0) throw invalidLead(errors, errors.length);
  return {
    ...Object.fromEntries(members),
    // fromEntries defines members, so even a field named __proto__ becomes one and is refused by name.
    ...(attributes.size > 0 && { attributes: Object.fromEntries(attributes) }),
  };
}

/** No more than a lead may have, of all lists together; a mebibyte has room for half a million. */
function namesIn(lists: readonly string[]): string[] {
  const names: string[] = [];
  for (const list of lists) {
    if (names.length >= MAX_FIELDS) break;
    names.push(...list.split(/[,;]/, MAX_FIELDS - names.length).map((name) => name.trim()));
  }
  return names;
}

type Gathered = {
  /** All values of each name, in the order sent. */
  readonly texts: Map<string, string[]>;
  readonly errors: MemberError[];
};

function gather(fields: readonly FormField[]): Gathered {
  const texts = new Map<string, string[]>();
  const errors: MemberError[] = [];
  for (const field of fields) {
    const { name } = field;
    if ('isFile' in field) {
      errors.push({ pointer: memberPointer(name), detail: 'is a file; a lead has texts only' });
      continue;
    }
    const values = texts.get(name);
    if (values === undefined) texts.set(name, [field.value]);
    else values.push(field.value);
  }
  return { texts, errors };
}

const NUMBER = /^[0-9]{1,15}$/;
const TRUE: ReadonlySet<string> = new Set(['true', '1', 'on', 'yes']);
const FALSE: ReadonlySet<string> = new Set(['false', '0', 'off', 'no']);

/**
 * The JSON value that a text stands for as this member of a lead. Any other text becomes NaN, which the rules refuse.
 */
export function coerce(name: string, text: string): unknown {
  switch (name) {
    case 'id':
      return NUMBER.test(text) ? Number(text) : Number.NaN;
    case 'returnLead': {
      const word = text.toLowerCase();
      return TRUE.has(word) ? true : FALSE.has(word) ? false : Number.NaN;
    }
    case 'attributes':
    case 'attributeList':
      // Only JSON has them; each field of a form is an attribute.
      return Number.NaN;
    default:
      return text;
  }
}

/** Pointer into the lead → pointer into the form, where attributes are fields of their own. */
export function placeInForm(pointer: string): string {
  return pointer.startsWith(ATTRIBUTES) ? `#/${pointer.slice(ATTRIBUTES.length)}` : pointer;
}

const ATTRIBUTES = '#/attributes/';
