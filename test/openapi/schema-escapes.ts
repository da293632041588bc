export type Json = Record<string, unknown>;

/** A schema and where it stands: a JSON pointer (RFC 6901) as a URI fragment, in its document. */
export type Place = { readonly document: Json; readonly pointer: string; readonly schema: Json };

/** A way in which a value can be valid by one schema and not by the other. */
export type Escape = { readonly pointer: string; readonly what: string };

type Rule = (from: Json, to: Json) => string | undefined;

/** Numbers that bind from below, and from above. */
const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];
const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'];
/** Words whose values are compared as they are; without the word nothing is bound. */
const SAME = [
  'pattern',
  'format',
  'multipleOf',
  'uniqueItems',
  'not',
  'allOf',
  'oneOf',
  'anyOf',
  'patternProperties',
];
const ALL_TYPES = ['string', 'number', 'boolean', 'null', 'object', 'array'];

/**
 * Everything a value that is valid by `from` may be and that `to` does not allow, with a pointer into the document of
 * `from`. Knows the words of JSON Schema (2020-12) the documents use; a union that is written otherwise counts as
 * another one, although it may say the same.
 */
export function escapes(from: Place, to: Place, seen: readonly string[] = []): Escape[] {
  const one = inOneNode(resolve(from));
  const other = inOneNode(resolve(to));
  const pair = `${one.pointer} ${other.pointer}`;
  if (seen.includes(pair)) return [];
  const inside: Inside = (own, counterpart) => escapes(own, counterpart, [...seen, pair]);
  return [
    ...RULES.flatMap((rule) => rule(one.schema, other.schema) ?? []).map((what) => ({
      pointer: one.pointer,
      what,
    })),
    ...escapesOfMembers(one, other, inside),
    ...escapesBelow('items', one, other, inside),
    ...escapesBelow('propertyNames', one, other, inside),
  ];
}

/** "This or null" as one node with two types; null is then one of the listed values, too. */
function inOneNode(place: Place): Place {
  const { anyOf, ...rest } = place.schema;
  const [one, other, ...more] = (anyOf ?? []) as Json[];
  if (typeof one?.['type'] !== 'string' || other?.['type'] !== 'null' || more.length > 0) return place;
  const listed = one['enum'] as unknown[] | undefined;
  return {
    ...place,
    schema: { ...rest, ...one, type: [one['type'], 'null'], ...(listed && { enum: [...listed, null] }) },
  };
}

type Inside = (own: Place, counterpart: Place) => Escape[];

function escapesBelow(word: string, from: Place, to: Place, inside: Inside): Escape[] {
  if (!isSchema(to.schema[word])) return [];
  return inside(child(from, word, from.schema[word] ?? {}), child(to, word, to.schema[word]));
}

/** Members of objects: those both describe, those `to` does not, and those none names. */
function escapesOfMembers(from: Place, to: Place, inside: Inside): Escape[] {
  const [own, theirs] = [membersOf(from.schema), membersOf(to.schema)];
  const others = to.schema['additionalProperties'];
  const named = Object.keys(own).flatMap((name) => {
    const place = child(from, `properties/${escapeToken(name)}`, own[name]);
    if (isSchema(theirs[name]))
      return inside(place, child(to, `properties/${escapeToken(name)}`, theirs[name]));
    if (others === false) return [{ pointer: place.pointer, what: 'there is no such member' }];
    return isSchema(others) ? inside(place, child(to, 'additionalProperties', others)) : [];
  });
  const open = from.schema['additionalProperties'];
  if (open === false || others === undefined || others === true) return named;
  if (others === false)
    return [...named, { pointer: from.pointer, what: 'there are no members but the named ones' }];
  const place = child(from, 'additionalProperties', isSchema(open) ? open : {});
  return [...named, ...inside(place, child(to, 'additionalProperties', others))];
}

const RULES: readonly Rule[] = [
  (from, to) => {
    const gone = typesOf(from).filter((type) => !isOneOf(type, typesOf(to)));
    return gone.length > 0
      ? `the type ${gone.join(' or ')} is not one of ${typesOf(to).join(', ')}`
      : undefined;
  },
  (from, to) => {
    const allowed = valuesOf(to);
    if (allowed === undefined) return undefined;
    const given = valuesOf(from);
    if (given === undefined) return `only ${allowed.map(written).join(', ')} can be`;
    const gone = given.map(written).filter((value) => !allowed.map(written).includes(value));
    return gone.length > 0
      ? `${gone.join(', ')} is not one of ${allowed.map(written).join(', ')}`
      : undefined;
  },
  (from, to) => {
    const sure = (from['required'] ?? []) as string[];
    const needed = ((to['required'] ?? []) as string[]).filter((name) => !sure.includes(name));
    return needed.length > 0 ? `${needed.join(', ')} need not be there, and has to be` : undefined;
  },
  (from, to) => {
    const sure = (from['dependentRequired'] ?? {}) as Record<string, string[]>;
    const needed = Object.entries((to['dependentRequired'] ?? {}) as Record<string, string[]>).filter(
      ([name, names]) => names.some((needs) => sure[name]?.includes(needs) !== true),
    );
    return needed.length > 0
      ? `${needed.map(([name]) => name).join(', ')} need no other member, and has to`
      : undefined;
  },
  ...LOWER.map((word) => bound(word, (given, allowed) => given >= allowed)),
  ...UPPER.map((word) => bound(word, (given, allowed) => given <= allowed)),
  ...SAME.map(
    (word): Rule =>
      (from, to) =>
        to[word] === undefined ||
        written(from[word]) === written(to[word]) ||
        isAnAlternative(word, from, to) ||
        isOfThatSize(word, from, to)
          ? undefined
          : `${word} is ${written(from[word])} and not ${written(to[word])}`,
  ),
];

/** A pattern that begins with the other, as one of its alternatives, takes what the other takes. */
function isAnAlternative(word: string, from: Json, to: Json): boolean {
  const [own, wider] = [from[word], to[word]];
  return word === 'pattern' && typeof own === 'string' && String(wider).startsWith(`${own}|`);
}

/** A format that names the size of a number takes what other words keep within it. */
function isOfThatSize(word: string, from: Json, to: Json): boolean {
  if (word !== 'format') return false;
  if (to[word] === 'int32') return Number(from['minimum']) >= -(2 ** 31) && Number(from['maximum']) < 2 ** 31;
  return to[word] === 'int64' || to[word] === 'double';
}

function bound(word: string, isWithin: (given: number, allowed: number) => boolean): Rule {
  return (from, to) => {
    const [given, allowed] = [from[word], to[word]];
    if (typeof allowed !== 'number' || (typeof given === 'number' && isWithin(given, allowed)))
      return undefined;
    return `${word} is ${written(given)} and not ${allowed}`;
  };
}

function typesOf({ type }: Json): readonly string[] {
  if (type === undefined) return ALL_TYPES;
  return Array.isArray(type) ? (type as string[]) : [type as string];
}

function isOneOf(type: string, types: readonly string[]): boolean {
  return types.includes(type) || (type === 'integer' && types.includes('number'));
}

function valuesOf({ const: only, enum: values }: Json): readonly unknown[] | undefined {
  return only === undefined ? (values as unknown[] | undefined) : [only];
}

function membersOf({ properties = {} }: Json): Json {
  return properties as Json;
}

function isSchema(value: unknown): value is Json {
  return typeof value === 'object' && value !== null;
}

function child({ document, pointer }: Place, path: string, schema: unknown): Place {
  return { document, pointer: `${pointer}/${path}`, schema: schema as Json };
}

function written(value: unknown): string {
  return value === undefined ? 'not said' : JSON.stringify(value);
}

export function escapeToken(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Follows `$ref`, and what it leads to. */
export function resolve({ document, pointer, schema }: Place): Place {
  const { $ref } = schema;
  if (typeof $ref !== 'string') return { document, pointer, schema };
  const tokens = $ref.slice(2).split('/');
  const target = tokens.reduce<unknown>(
    (node, token) => (node as Json)[token.replaceAll('~1', '/').replaceAll('~0', '~')],
    document,
  );
  return resolve({ document, pointer: $ref, schema: target as Json });
}
