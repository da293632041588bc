import { type Json, type Place, escapeToken, escapes, resolve } from './schema-escapes.ts';

type Side = { readonly document: Json; readonly pointer: string; readonly node: Json };

/**
 * What breaks a client of the released document in the current one, a sentence each, with a JSON pointer into the
 * document it speaks of. Requests have to be taken as before: nothing is gone, needed or narrower. Answers have to be as
 * before: nothing is gone, optional or wider. New operations, optional members of a request, members and headers of an
 * answer, and statuses break no client: clients have to tolerate them.
 *
 * @param released and
 * @param current are OpenAPI 3.1 documents
 */
export function breakingChanges(released: Json, current: Json): string[] {
  const said = inBoth('paths', root(released), root(current), 'path', (before, after) =>
    inBoth('', before, after, 'operation', compareOperations),
  );
  return [...new Set(said)];
}

function compareOperations(before: Side, after: Side): string[] {
  const [was, is] = [before.node, after.node];
  return [
    ...(was['operationId'] === is['operationId']
      ? []
      : [
          `${before.pointer}/operationId: ${String(was['operationId'])} is called ${String(is['operationId'])} now.`,
        ]),
    ...compareSecurity(before, after),
    ...compareParameters(before, after),
    ...compareRequests(before, after),
    ...inBoth('responses', before, after, 'response', compareResponses),
  ];
}

function compareResponses(before: Side, after: Side): string[] {
  return [
    ...inBoth('headers', before, after, 'header', (was, is) => [
      ...(was.node['required'] === true && is.node['required'] !== true
        ? [`${was.pointer}: the header may be missing now.`]
        : []),
      ...answersWider(was, is),
    ]),
    ...inBoth('content', before, after, 'media type', answersWider),
  ];
}

/** Members of an answer that are gone, and what it can be now and could not before. */
function answersWider(before: Side, after: Side): string[] {
  const [was, is] = [schemaOf(before), schemaOf(after)];
  return [
    ...goneMembers(was, is),
    ...escapes(is, was).map(
      ({ pointer, what }) => `${pointer}: answers can be what they could not be: ${what}.`,
    ),
  ];
}

function goneMembers(before: Place, after: Place, seen: readonly string[] = []): string[] {
  const [was, is] = [resolve(before), resolve(after)];
  if (seen.includes(was.pointer)) return [];
  const theirs = (is.schema['properties'] ?? {}) as Record<string, Json>;
  const own = Object.entries((was.schema['properties'] ?? {}) as Record<string, Json>);
  const members = own.flatMap(([name, schema]) => {
    const pointer = `${was.pointer}/properties/${escapeToken(name)}`;
    const counterpart = theirs[name];
    if (counterpart === undefined) return [`${pointer}: the member is gone from answers.`];
    return goneMembers({ ...was, pointer, schema }, { ...is, pointer, schema: counterpart }, [
      ...seen,
      was.pointer,
    ]);
  });
  const items = [was.schema['items'], is.schema['items']] as [Json?, Json?];
  if (items[0] === undefined || items[1] === undefined) return members;
  const at = `${was.pointer}/items`;
  return [
    ...members,
    ...goneMembers({ ...was, pointer: at, schema: items[0] }, { ...is, pointer: at, schema: items[1] }, seen),
  ];
}

function requestsNarrower(before: Side, after: Side): string[] {
  return escapes(schemaOf(before), schemaOf(after)).map(
    ({ pointer, what }) => `${pointer}: requests are refused that were taken: ${what}.`,
  );
}

function compareRequests(before: Side, after: Side): string[] {
  const [was, is] = [below(before, 'requestBody'), below(after, 'requestBody')];
  if (is === undefined) return was === undefined ? [] : [`${was.pointer}: the body is not taken any more.`];
  const isNeeded = is.node['required'] === true && was?.node['required'] !== true;
  return [
    ...(isNeeded ? [`${is.pointer}: a body has to be sent now.`] : []),
    ...(was === undefined ? [] : inBoth('content', was, is, 'media type', requestsNarrower)),
  ];
}

function compareParameters(before: Side, after: Side): string[] {
  const [was, is] = [parametersOf(before), parametersOf(after)];
  const known = [...was].flatMap(([key, parameter]) => {
    const counterpart = is.get(key);
    if (counterpart === undefined) return [`${parameter.pointer}: the ${key} is not taken any more.`];
    return requestsNarrower(parameter, counterpart);
  });
  const needed = [...is].filter(
    ([key, { node }]) => node['required'] === true && was.get(key)?.node['required'] !== true,
  );
  return [...known, ...needed.map(([key, { pointer }]) => `${pointer}: the ${key} has to be sent now.`)];
}

function parametersOf({ document, pointer, node }: Side): Map<string, Side> {
  const parameters = (node['parameters'] ?? []) as Json[];
  return new Map(
    parameters.map((parameter, at) => [
      `${String(parameter['in'])} parameter ${String(parameter['name'])}`,
      { document, pointer: `${pointer}/parameters/${at}`, node: parameter },
    ]),
  );
}

/** Every way to authenticate has to stay, and what each of them means. */
function compareSecurity(before: Side, after: Side): string[] {
  const [was, is] = [waysOf(before), waysOf(after)];
  return was
    .filter((way) => !is.includes(way))
    .map((way) => `${after.pointer}/security: ${way} is not enough any more.`);
}

/** The ways to authenticate, in words; the document's own count where an operation says nothing. */
function waysOf({ document, node }: Side): string[] {
  const ways = (node['security'] ?? document['security'] ?? []) as Json[];
  const { securitySchemes = {} } = (document['components'] ?? {}) as {
    securitySchemes?: Record<string, Json>;
  };
  if (ways.length === 0) return ['no authentication'];
  return ways.map(
    (way) =>
      Object.keys(way)
        .map((name) => {
          const { description: _words, ...scheme } = securitySchemes[name] ?? {};
          return `${name} (${Object.values(scheme).map(String).join(' ')})`;
        })
        .join(' with ') || 'no authentication',
  );
}

/** Compares what both have below a member, and names what only the first has. */
function inBoth(
  member: string,
  before: Side,
  after: Side,
  kind: string,
  compare: (before: Side, after: Side) => string[],
): string[] {
  const [was, is] = member === '' ? [before, after] : [below(before, member), below(after, member)];
  return Object.keys(was?.node ?? {}).flatMap((key) => {
    const own = below(was, escapeToken(key), key);
    const theirs = below(is, escapeToken(key), key);
    if (own === undefined) return [];
    const pointer = `${was?.pointer ?? ''}/${escapeToken(key)}`;
    return theirs === undefined ? [`${pointer}: the ${kind} is gone.`] : compare(own, theirs);
  });
}

function root(document: Json): Side {
  return { document, pointer: '#', node: document };
}

function below(side: Side | undefined, token: string, key = token): Side | undefined {
  const node = side?.node[key];
  if (side === undefined || node === undefined) return undefined;
  const { pointer, schema } = resolve({
    document: side.document,
    pointer: `${side.pointer}/${token}`,
    schema: node as Json,
  });
  return { document: side.document, pointer, node: schema };
}

function schemaOf({ document, pointer, node }: Side): Place {
  return { document, pointer: `${pointer}/schema`, schema: (node['schema'] ?? {}) as Json };
}
