import type { UpsertLead } from '../leads/lead.ts';

/** A member of the request that the upstream named: its path, and the sentence that names it. */
export type NamedMember = { readonly path: readonly string[]; readonly sentence: string };

/** A word after one of these is the name of a field. */
const BEFORE =
  /\b(?:fields?|attributes?|values? (?:of|for|in)|parameters?|columns?|keys?|lead's|invalid|bad|wrong|malformed|duplicate|unknown|missing|(?:cannot|can't|could not|unable to) (?:set|update|write|change|convert|parse|read)|values? '[^']*' for)(?: (?:named|called|name))?(?: (?:field|attribute)s?)?\s*[:=]?\s*$/i;
/** A word before one of these is the name of a field. */
const AFTER =
  /^(?:\s*[:=]|\s+(?:fields?|attributes?|values?|address)\b|\s+(?:must|should|cannot|can't|may not|has to|does not (?:match|fit|accept|exist)|can not|exceeds|was rejected|not (?:found|valid|allowed|known|set|accepted)|(?:is|are|was|were) (?:not (?:a |an |of )?(?:found|valid|type|allowed|known|set|accepted)|in ?valid|required|missing|bad|wrong|empty|unknown|too|malformed|read[- ]?only|of the wrong)|in ?valid|too (?:long|short|large|big)|read[- ]?only)\b)/i;
const OPENING = /["'`‘“«([]$/;
const CLOSING = /^["'`’”»)\]]/;
/** A word after one of these is a value, or the name of a workspace. */
const BEFORE_VALUE = /\b(?:values?|workspace)\s*[:=]?\s*["'`‘“«([]?$/i;
/** Separates the names of a list. */
const BETWEEN = /^["'`’”»)\]]*(?:\s*,\s*(?:and |or )?|\s+(?:and|or|&)\s+|\s*\/\s*)["'`‘“«([]*$/;

/** A letter or a digit, alone or next to a character that joins the parts of a name. */
const GOES_ON_BEFORE = /(?:[\p{L}\p{N}_]|[\p{L}\p{N}][.-])$/u;
const GOES_ON_AFTER = /^(?:[\p{L}\p{N}_]|[.-][\p{L}\p{N}])/u;

/** A name that no sentence contains by chance: an inner capital, letters with digits, an underscore, or several words. */
const UNMISTAKABLE = /\p{Ll}\p{Lu}|\p{Lu}{2}\p{Ll}|\p{L}.*\d|\d.*\p{L}|_|\s/su;

/** How many characters around a name are searched for the words above. */
const REACH = 60;

type Candidate = { readonly name: string; readonly path: readonly string[]; readonly isSure: boolean };
type Place = Candidate & { readonly start: number; readonly end: number };

/**
 * Finds the members of a lead that a refusal names (docs/marketo-soap.md#named-members). Only members that this lead has
 * are searched for: the words about a batch may name those of other leads.
 */
export function namedMembers(message: string, command: UpsertLead): NamedMember[] {
  const places = placesOf(message, candidatesOf(command));
  const isNamed = places.map((place) => place.isSure || isFieldLike(message, place));
  // If one name of a list is a field, so are the others.
  const isLinked = (at: number) => {
    const [left, right] = [places[at], places[at + 1]];
    return left !== undefined && right !== undefined && BETWEEN.test(message.slice(left.end, right.start));
  };
  for (let at = 0; at + 1 < places.length; at += 1) {
    if (isNamed[at] === true && isLinked(at)) isNamed[at + 1] = true;
  }
  for (let at = places.length - 2; at >= 0; at -= 1) {
    if (isNamed[at + 1] === true && isLinked(at)) isNamed[at] = true;
  }
  const named = new Map<string, NamedMember>();
  for (const [at, { path, start }] of places.entries()) {
    const key = path.join('/');
    if (isNamed[at] === true && !named.has(key))
      named.set(key, { path, sentence: sentenceAt(message, start) });
  }
  return [...named.values()];
}

/** What the upstream calls the members of this lead, the longest name first. */
function candidatesOf(command: UpsertLead): Candidate[] {
  const { id, email, foreignKey, marketoCookie, workspace, attributes } = command;
  const keys: [unknown, string, readonly string[]][] = [
    [id, 'id', ['Id', 'ID', 'Lead ID', 'lead ID', 'leadId']],
    [email, 'email', ['Email', 'email', 'Email Address', 'email address', 'e-mail']],
    [foreignKey, 'foreignSysPersonId', ['ForeignSysPersonId', 'foreignSysPersonId']],
    [foreignKey, 'foreignSysType', ['ForeignSysType', 'foreignSysType']],
    [marketoCookie, 'marketoCookie', ['marketoCookie', 'Cookie', 'cookie']],
    [workspace, 'workspace', ['targetWorkspace', 'Workspace', 'workspace', 'primary partition']],
  ];
  const members = keys
    .filter(([value]) => value !== undefined)
    .flatMap(([, member, names]) =>
      names.map((name) => ({ name, path: [member], isSure: !/^(?:id|e-?mail)/i.test(name) })),
    );
  const fields = attributes.map(({ name }) => ({
    name: name.trim(),
    path: ['attributes', name],
    isSure: UNMISTAKABLE.test(name.trim()),
  }));
  return [...members, ...fields]
    .filter(({ name }) => name !== '')
    .toSorted((one, other) => other.name.length - one.name.length);
}

/** Where the names stand as whole words, in order; a longer name covers shorter ones inside it. */
function placesOf(message: string, candidates: readonly Candidate[]): Place[] {
  const taken = new Uint8Array(message.length);
  const places: Place[] = [];
  for (const candidate of candidates) {
    const { length } = candidate.name;
    for (let at = message.indexOf(candidate.name); at !== -1; at = message.indexOf(candidate.name, at + 1)) {
      const end = at + length;
      if (taken[at] === 1 || taken[end - 1] === 1 || !isWhole(message, at, end)) continue;
      taken.fill(1, at, end);
      places.push({ ...candidate, start: at, end });
    }
  }
  return places.toSorted((one, other) => one.start - other.start);
}

function isWhole(message: string, start: number, end: number): boolean {
  return (
    !GOES_ON_BEFORE.test(message.slice(Math.max(0, start - 4), start)) &&
    !GOES_ON_AFTER.test(message.slice(end, end + 4))
  );
}

function isFieldLike(message: string, { start, end }: Place): boolean {
  const before = message.slice(Math.max(0, start - REACH), start);
  const after = message.slice(end, end + REACH);
  if (BEFORE_VALUE.test(before)) return false;
  return (OPENING.test(before) && CLOSING.test(after)) || BEFORE.test(before) || AFTER.test(after);
}

/** The part of the message around a position, between semicolons or line ends. */
function sentenceAt(message: string, at: number): string {
  const start = Math.max(message.lastIndexOf(';', at), message.lastIndexOf('\n', at)) + 1;
  const [sentence = ''] = message.slice(start).split(/[;\n]/, 1);
  return sentence.trim();
}
