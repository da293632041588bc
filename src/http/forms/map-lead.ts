import type { LeadMap, Source } from '../../access/posting.ts';
import type { MemberError } from '../../leads/errors.ts';
import { memberPointer } from '../../text/json.ts';
import { invalidLead, isObject } from '../problems/problem.ts';
import { parseAnyJson } from '../request-body.ts';
import type { Sliced } from '../../text/sliced.ts';
import { coerce } from './form-to-lead.ts';

/** A value and the path to it; without a path it is a constant of the map. */
type Found = { readonly value: unknown; readonly path: readonly string[] | undefined };

export type MappedLead = {
  readonly body: Record<string, unknown>;
  /** Pointer into the lead → pointer into the posted body. */
  readonly placeOf: (pointer: string) => string;
};

/**
 * Finds a lead in a body of another shape (docs/webhooks.md#the-map). What is not there, null or empty is left out. Yields
 * where other requests may run. Throws `validation-failed`, with pointers into that body, where a value is a list or an
 * object.
 */
export function* mapLead(map: LeadMap, posted: unknown): Sliced<MappedLead> {
  const { attributes: sources = {}, ...members } = map;
  const places = new Map<string, string>();
  const errors: MemberError[] = [];
  const find = createFinder(posted);
  function* pick(source: Source | undefined, target: string): Sliced<unknown> {
    const found = source === undefined ? undefined : yield* find(source);
    if (found === undefined || found.value === null || found.value === '') return undefined;
    const { value, path } = found;
    const pointer = path === undefined ? target : memberPointer(...path);
    places.set(target, pointer);
    if (typeof value !== 'object') return value;
    const kind = Array.isArray(value) ? 'a list' : 'an object';
    errors.push({ pointer, detail: `is ${kind}; the map of the key needs a text, a number, true or false` });
    return undefined;
  }
  const body: [string, unknown][] = [];
  for (const [name, source] of Object.entries(members)) {
    const value = yield* pick(source, memberPointer(name));
    if (value !== undefined) body.push([name, asMember(name, value)]);
  }
  const attributes: [string, unknown][] = [];
  for (const [name, source] of Object.entries(sources)) {
    const value = yield* pick(source, memberPointer('attributes', name));
    if (value !== undefined) attributes.push([name, value]);
  }
  if (errors.length > 0) throw invalidLead(errors, errors.length);
  return {
    body: {
      ...Object.fromEntries(body),
      ...(attributes.length > 0 && { attributes: Object.fromEntries(attributes) }),
    },
    placeOf: (pointer) => places.get(pointer) ?? pointer,
  };
}

/** Texts become numbers where a member is one, and numbers texts where it is not: ids of other systems often are numbers. */
function asMember(name: string, value: unknown): unknown {
  if (typeof value === 'string') return coerce(name, value);
  return typeof value === 'number' && name !== 'id' ? String(value) : value;
}

/** Elements of a list that are looked at for the one that is meant. */
const MAX_ELEMENTS = 1000;

const INDEX = /^(?:0|[1-9]\d*)$/;

/** Steps along pointers that are made before other requests run, and characters of texts that are parsed for one. */
const PAUSE_EVERY = 4000;
const STEP_CHARACTERS = 32;

/** Follows pointers in one body. Texts that hold JSON are parsed once, however many pointers lead through them. */
function createFollower() {
  const parsed = new Map<string, unknown>();
  let steps = 0;
  /** A text that must be parsed to go on. */
  let unparsed: string | undefined;

  const inside = (text: string): unknown => {
    // Looked up first: a text may be a mebibyte of blanks, and many pointers lead through it.
    if (parsed.has(text)) return parsed.get(text);
    if (/^[[{]/.test(text.trimStart())) unparsed = text;
    else parsed.set(text, undefined);
    return undefined;
  };

  /** A text that holds JSON, as some senders put it into a field, is followed through. */
  const follow = (from: unknown, tokens: readonly string[]): Pick<Found, 'value'> | undefined => {
    let value = from;
    for (const token of tokens) {
      steps += 1;
      const container = typeof value === 'string' ? inside(value) : value;
      const isThere = Array.isArray(container)
        ? INDEX.test(token) && Number(token) < container.length
        : isObject(container) && Object.hasOwn(container, token);
      if (!isThere) return undefined;
      value = (container as Record<string, unknown>)[token];
    }
    return { value };
  };

  /** The result of `look`, which looks again whenever a text was parsed for it. */
  function* found<Result>(look: () => Result): Sliced<Result> {
    for (;;) {
      if (steps >= PAUSE_EVERY) {
        steps = 0;
        yield;
      }
      const result = look();
      if (unparsed === undefined) return result;
      steps += unparsed.length / STEP_CHARACTERS;
      parsed.set(unparsed, yield* parseQuietly(unparsed));
      unparsed = undefined;
    }
  }

  return { follow, found };
}

/** Finds the values of a map in a posted body. */
function createFinder(posted: unknown) {
  const { follow, found } = createFollower();

  function* findIn({ list, where, value }: Extract<Source, { list: string }>): Sliced<Found | undefined> {
    const path = tokensOf(list);
    const all = yield* found(() => follow(posted, path)?.value);
    if (!Array.isArray(all)) return undefined;
    const wanted = Object.entries(where).map(([pointer, text]) => [tokensOf(pointer), text] as const);
    for (const [at, element] of (all as unknown[]).slice(0, MAX_ELEMENTS).entries()) {
      const isMeant = () => wanted.every(([tokens, text]) => isText(follow(element, tokens)?.value, text));
      if (!(yield* found(isMeant))) continue;
      const within = tokensOf(value);
      const meant = yield* found(() => follow(element, within));
      return meant && { ...meant, path: [...path, String(at), ...within] };
    }
    return undefined;
  }

  return function* find(source: Source): Sliced<Found | undefined> {
    if (typeof source === 'string') {
      const path = tokensOf(source);
      const there = yield* found(() => follow(posted, path));
      return there && { ...there, path };
    }
    if ('constant' in source) return { value: source.constant, path: undefined };
    return yield* findIn(source);
  };
}

/** Numbers and booleans are compared as texts. */
function isText(value: unknown, text: string): boolean {
  const isScalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isScalar && String(value) === text;
}

/** RFC 6901, 4. */
function tokensOf(pointer: string): string[] {
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function* parseQuietly(text: string): Sliced<unknown> {
  try {
    return yield* parseAnyJson(Buffer.from(text));
  } catch {
    return undefined;
  }
}
