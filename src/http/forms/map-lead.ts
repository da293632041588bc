import type { LeadMap, Source } from '../../access/posting.ts';
import type { MemberError } from '../../leads/errors.ts';
import { memberPointer } from '../../text/json.ts';
import { invalidLead, isObject } from '../problems/problem.ts';
import { parseAnyJson } from '../request-body.ts';
import { coerce } from './form-to-lead.ts';

/** A value and the path to it; without a path it is a constant of the map. */
type Found = { readonly value: unknown; readonly path: readonly string[] | undefined };

export type MappedLead = {
  readonly body: Record<string, unknown>;
  /** Pointer into the lead → pointer into the posted body. */
  readonly placeOf: (pointer: string) => string;
};

/**
 * Finds a lead in a body of another shape (docs/webhooks.md#the-map). What is not there, null or empty is left out. Throws
 * `validation-failed`, with pointers into that body, where a value is a list or an object.
 */
export function mapLead(map: LeadMap, posted: unknown): MappedLead {
  const { attributes: sources = {}, ...members } = map;
  const places = new Map<string, string>();
  const errors: MemberError[] = [];
  const find = createFinder();
  const pick = (source: Source | undefined, target: string): unknown => {
    const found = source === undefined ? undefined : find(source, posted);
    if (found === undefined || found.value === null || found.value === '') return undefined;
    const { value, path } = found;
    const pointer = path === undefined ? target : memberPointer(...path);
    places.set(target, pointer);
    if (typeof value !== 'object') return value;
    const kind = Array.isArray(value) ? 'a list' : 'an object';
    errors.push({ pointer, detail: `is ${kind}; the map of the key needs a text, a number, true or false` });
    return undefined;
  };
  const body = Object.entries(members).flatMap(([name, source]) => {
    const value = pick(source, memberPointer(name));
    return value === undefined ? [] : [[name, asMember(name, value)] as const];
  });
  const attributes = Object.entries(sources).flatMap(([name, source]) => {
    const value = pick(source, memberPointer('attributes', name));
    return value === undefined ? [] : [[name, value] as const];
  });
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

/** Finds values in one body. Texts that hold JSON are parsed once, however many pointers lead through them. */
function createFinder() {
  const parsed = new Map<string, unknown>();

  const inside = (text: string): unknown => {
    // Looked up first: a text may be a mebibyte of blanks, and many pointers lead through it.
    if (!parsed.has(text)) parsed.set(text, /^[[{]/.test(text.trimStart()) ? parseQuietly(text) : undefined);
    return parsed.get(text);
  };

  /** A text that holds JSON, as some senders put it into a field, is followed through. */
  const follow = (value: unknown, tokens: readonly string[], path: readonly string[]): Found | undefined => {
    const [token, ...rest] = tokens;
    if (token === undefined) return { value, path };
    const container = typeof value === 'string' ? inside(value) : value;
    const isThere = Array.isArray(container)
      ? INDEX.test(token) && Number(token) < container.length
      : isObject(container) && Object.hasOwn(container, token);
    if (!isThere) return undefined;
    return follow((container as Record<string, unknown>)[token], rest, [...path, token]);
  };

  return (source: Source, posted: unknown): Found | undefined => {
    if (typeof source === 'string') return follow(posted, tokensOf(source), []);
    if ('constant' in source) return { value: source.constant, path: undefined };
    const list = follow(posted, tokensOf(source.list), []);
    if (!Array.isArray(list?.value)) return undefined;
    const wanted = Object.entries(source.where).map(([pointer, text]) => [tokensOf(pointer), text] as const);
    const at = (list.value as unknown[])
      .slice(0, MAX_ELEMENTS)
      .findIndex((element) =>
        wanted.every(([tokens, text]) => isText(follow(element, tokens, [])?.value, text)),
      );
    if (at === -1) return undefined;
    return follow(list.value, [String(at), ...tokensOf(source.value)], list.path ?? []);
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

function parseQuietly(text: string): unknown {
  try {
    return parseAnyJson(Buffer.from(text));
  } catch {
    return undefined;
  }
}
