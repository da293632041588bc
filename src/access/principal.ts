import type { KeyKind } from './api-key.ts';

/**
 * A list of names and patterns; `*` stands for any characters, none included. Matching takes time linear in the length
 * of the name for each pattern, whatever the pattern.
 */
export function matchNames(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.includes('*')) return () => true;
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const split = patterns.filter((pattern) => pattern.includes('*')).map((pattern) => pattern.split('*'));
  return (name) => exact.has(name) || split.some((parts) => matches(name, parts));
}

/** The first and the last part are anchored; those between are taken where they come first. */
function matches(name: string, parts: readonly string[]): boolean {
  const [first = '', ...rest] = parts;
  const last = rest.pop() ?? '';
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last))
    return false;
  const end = name.length - last.length;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/** What a caller may do. */
export type Permissions = {
  /** Write leads, by email address or cookie; every key may. */
  readonly writeLeads: boolean;
  /** Address a lead by its Marketo id. */
  readonly byId: boolean;
  /** Address a lead by its id in another system. */
  readonly byForeignId: boolean;
  /** Get the complete lead in the answer. */
  readonly returnLead: boolean;
  /** Read `GET /metrics`. */
  readonly metrics: boolean;
  readonly mayWriteAttribute: (name: string) => boolean;
  readonly mayUseWorkspace: (name: string) => boolean;
  /** The workspace of requests that name none. */
  readonly defaultWorkspace: string | undefined;
};

/** At most `burst` requests in `burst / requestsPerSecond` seconds, and so many a day; at least one of the two. */
export type RateLimit = {
  readonly requestsPerSecond?: number;
  readonly burst?: number;
  readonly requestsPerDay?: number;
};

/** A limit of what is given of it. */
export function rateLimitOf({
  requestsPerSecond,
  burst,
  requestsPerDay,
}: { readonly [Name in keyof RateLimit]: RateLimit[Name] | undefined }): RateLimit {
  return {
    ...(requestsPerSecond !== undefined && { requestsPerSecond }),
    ...(burst !== undefined && { burst }),
    ...(requestsPerDay !== undefined && { requestsPerDay }),
  };
}

/** `token` is a JWT; `anonymous` is everybody while callers are not authenticated. */
type PrincipalKind = KeyKind | 'token' | 'anonymous';

/** Who sent a request, once that is known. */
export type Principal = {
  /** For logs and metrics: the key's name, never the key. */
  readonly name: string;
  readonly kind: PrincipalKind;
  readonly permissions: Permissions;
  readonly rateLimit?: RateLimit;
};

export const ANONYMOUS: Principal = {
  name: 'anonymous',
  kind: 'anonymous',
  permissions: {
    writeLeads: true,
    byId: true,
    byForeignId: true,
    returnLead: true,
    metrics: true,
    mayWriteAttribute: () => true,
    mayUseWorkspace: () => true,
    defaultWorkspace: undefined,
  },
};

/**
 * Whether the caller learns nothing about the person a lead stands for. Anybody can read a publishable key in the page
 * that uses it, and must not find out with it who is a customer.
 */
export function hidesOutcome({ kind }: Principal): boolean {
  return kind === 'publishable';
}
