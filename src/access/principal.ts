import type { KeyKind } from './api-key.ts';

/**
 * Matches a name against names and patterns; `*` stands for any number of characters. Takes time linear in the name's
 * length for each pattern, whatever the pattern.
 */
export function matchNames(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.includes('*')) return () => true;
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const split = patterns.filter((pattern) => pattern.includes('*')).map((pattern) => pattern.split('*'));
  return (name) => exact.has(name) || split.some((parts) => matches(name, parts));
}

/** The first and the last part are anchored; those between match at their first occurrence. */
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

/** What a principal may do. */
export type Permissions = {
  /** Write leads, by email address or cookie. Every key has it. */
  readonly writeLeads: boolean;
  /** Address a lead by its Marketo id. */
  readonly byId: boolean;
  /** Address a lead by its id in another system. */
  readonly byForeignId: boolean;
  /** Get the complete lead in the response. */
  readonly returnLead: boolean;
  /** Read `GET /metrics`. */
  readonly metrics: boolean;
  readonly mayWriteAttribute: (name: string) => boolean;
  readonly mayUseWorkspace: (name: string) => boolean;
  /** The workspace for requests that name none. */
  readonly defaultWorkspace: string | undefined;
};

/** At most `burst` requests in `burst / requestsPerSecond` seconds, a number of requests per day, or both. */
export type RateLimit = {
  readonly requestsPerSecond?: number;
  readonly burst?: number;
  readonly requestsPerDay?: number;
};

/** A rate limit from those of its members that are defined. */
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

/** `token`: a JWT; `anonymous`: every caller of a gateway without authentication. */
type PrincipalKind = KeyKind | 'token' | 'anonymous';

/** The authenticated sender of a request. */
export type Principal = {
  /** The key's name, for logs and metrics; never the key. */
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
 * Whether responses must not reveal if a person is known (enumeration protection). Anyone can read a publishable key in
 * the page that uses it, and must not learn from it who is a customer.
 */
export function hidesOutcome({ kind }: Principal): boolean {
  return kind === 'publishable';
}
