import type { KeyKind } from './key-format.ts';

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
type CallerKind = KeyKind | 'token' | 'anonymous';

/** Who sent a request, once that is known. */
export type Caller = {
  /** For logs and metrics: the key's name, never the key. */
  readonly name: string;
  readonly kind: CallerKind;
  readonly permissions: Permissions;
  readonly rateLimit?: RateLimit;
};

export const ANONYMOUS: Caller = {
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
export function isBlind({ kind }: Caller): boolean {
  return kind === 'publishable';
}
