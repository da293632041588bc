import type { KeyKind } from './api-key.ts';
import type { Posting } from './posting.ts';
import { firstFew, GatewayError, MAX_MEMBER_ERRORS, type MemberError, shortenName } from '../leads/errors.ts';
import type { UpsertLead } from '../leads/lead.ts';
import type { LookupKey } from '../leads/lookup.ts';
import { memberPointer } from '../text/json.ts';

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
  /** See and change what the outbox holds. */
  readonly outbox: boolean;
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

/**
 * `accept`: with 202, once a lead is kept; `fallback`: as usual, unless a problem would pass; `sync`: always as usual
 * (docs/outbox.md#accepting).
 */
type Delivery = 'accept' | 'fallback' | 'sync';

/** The authenticated sender of a request. */
export type Principal = {
  /** The key's name, for logs and metrics; never the key. */
  readonly name: string;
  readonly kind: PrincipalKind;
  readonly permissions: Permissions;
  readonly rateLimit?: RateLimit;
  /** How its leads are answered where they can be kept; undefined: as the request asks. */
  readonly delivery?: Delivery;
  /** What its key says about leads that are posted. */
  readonly posting?: Posting;
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
    outbox: true,
    mayWriteAttribute: () => true,
    mayUseWorkspace: () => true,
    defaultWorkspace: undefined,
  },
};

/**
 * Whether responses must not reveal if a person is known (enumeration protection). Anyone can read a publishable key in
 * the page that uses it, and must not learn from it who is a customer; nor must anyone who has read a webhook's address in
 * a log, unless its requests are signed as well.
 */
export function hidesOutcome({ kind, posting }: Principal): boolean {
  return kind === 'publishable' || (kind === 'webhook' && posting?.signature === undefined);
}

/**
 * Refuses a publishable key what no visitor of a page must learn.
 *
 * @param act what it may not do, as a sentence goes on after "may not"
 */
export function refusePublishable(caller: Principal, act: string): void {
  if (!hidesOutcome(caller)) return;
  throw new GatewayError('forbidden', {
    detail: `${caller.kind === 'webhook' ? 'The key of a webhook without a signature' : 'A publishable key'} may not ${act}: anyone can read it. Use a secret key or a token.`,
  });
}

/**
 * Each permission as the key file names it, with the scope that grants it to a token and what it allows, as a sentence
 * ends. `names` are the names of attributes or of the workspace.
 */
const PERMISSIONS = {
  byId: { scope: 'leads:id', act: () => 'address a lead by id' },
  byForeignId: { scope: 'leads:foreign-id', act: () => 'address a lead by foreignSysPersonId' },
  attributes: { scope: 'leads:attribute:', act: (names: string) => `write ${names}` },
  returnLead: { scope: 'leads:return', act: () => 'get the lead back (returnLead)' },
  workspaces: { scope: 'leads:workspace:', act: (names: string) => `write into the workspace ${names}` },
} as const;

type Permission = keyof typeof PERMISSIONS;
type Violation = {
  readonly permission: Permission;
  readonly member: readonly string[];
  /** The entry that a permission which is a list lacks. */
  readonly name?: string;
};

/**
 * Checks a command against the principal's permissions and fills in the default workspace. Throws `forbidden`, with a
 * pointer to each member that needs a permission (`docs/authentication.md#key-file`).
 */
export function authorize(command: UpsertLead, caller: Principal): UpsertLead {
  const violations = violationsOf(command, caller);
  if (violations.length > 0) throw forbidden(violations, caller);
  const { defaultWorkspace } = caller.permissions;
  if (command.workspace !== undefined || defaultWorkspace === undefined) return command;
  return { ...command, workspace: defaultWorkspace };
}

function violationsOf(
  { id, foreignKey, returnLead, workspace, attributes }: UpsertLead,
  { permissions }: Principal,
): Violation[] {
  const violations: Violation[] = [];
  const miss = (permission: Permission, ...member: string[]) => violations.push({ permission, member });
  if (id !== undefined && !permissions.byId) miss('byId', 'id');
  if (foreignKey !== undefined && !permissions.byForeignId) miss('byForeignId', 'foreignSysPersonId');
  for (const { name } of attributes) {
    if (permissions.mayWriteAttribute(name)) continue;
    violations.push({ permission: 'attributes', member: ['attributes', name], name });
  }
  if (returnLead && !permissions.returnLead) miss('returnLead', 'returnLead');
  if (workspace !== undefined && !permissions.mayUseWorkspace(workspace)) {
    violations.push({ permission: 'workspaces', member: ['workspace'], name: workspace });
  }
  return violations;
}

function forbidden(violations: readonly Violation[], caller: Principal): GatewayError {
  const errors: MemberError[] = violations.slice(0, MAX_MEMBER_ERRORS).map((violation) => ({
    pointer: memberPointer(...violation.member),
    detail: `needs the ${needOf(violation, caller)}`,
  }));
  const names = new Map<Permission, string[]>();
  for (const { permission, name } of violations) {
    const listed = names.get(permission) ?? [];
    if (name !== undefined) listed.push(name);
    names.set(permission, listed);
  }
  const sentences = [...names].map(
    ([permission, listed]) => `${subjectOf(caller)} may not ${PERMISSIONS[permission].act(listOf(listed))}.`,
  );
  return new GatewayError('forbidden', { detail: sentences.join(' '), errors });
}

/** The permission that a lookup by each key needs; by the others every key may. */
const LOOKUP_PERMISSIONS: Readonly<Partial<Record<LookupKey['by'], 'byId' | 'byForeignId'>>> = {
  id: 'byId',
  foreignSysPersonId: 'byForeignId',
  sfdcAccountId: 'byForeignId',
  sfdcLeadOwnerId: 'byForeignId',
  sfdcOpptyId: 'byForeignId',
};

/**
 * Checks whether a principal may look leads up (`docs/authentication.md#key-file`). Throws `forbidden`; always for
 * publishable keys, which anyone can read.
 *
 * @param key undefined: whether it may by any key at all
 */
export function authorizeLookup(key: LookupKey | undefined, caller: Principal): void {
  const { permissions } = caller;
  refusePublishable(caller, 'look leads up');
  const refuse = (permission: Permission, what: string, member: readonly string[]): GatewayError => {
    const need = `needs the ${needOf({ permission, member }, caller)}`;
    return new GatewayError('forbidden', {
      detail: `${subjectOf(caller)} may not look leads up${what}: it ${need}.`,
      errors: [{ pointer: memberPointer(...member), detail: need }],
    });
  };
  if (!permissions.returnLead) throw refuse('returnLead', '', []);
  const permission = key && LOOKUP_PERMISSIONS[key.by];
  if (key === undefined || permission === undefined || permissions[permission]) return;
  throw refuse(permission, ` by ${key.by}`, [key.by]);
}

/** The subject of a refusal's sentence. */
export function subjectOf({ kind }: Pick<Principal, 'kind'>): string {
  return kind === 'token' ? 'This token' : 'This key';
}

/** The permission to ask for, as the key file or a scope names it. Names in scopes are percent-encoded. */
function needOf({ permission, name }: Violation, { kind }: Principal): string {
  if (kind === 'token') {
    return `scope ${shortenName(PERMISSIONS[permission].scope + (name === undefined ? '' : encodeURIComponent(name)))}`;
  }
  return `permission ${permission}${name === undefined ? '' : ` with ${shortenName(name)} in its list`}`;
}

/** Names in a sentence: `A, B and C`, or the first few and how many more. */
function listOf(names: readonly string[]): string {
  const { shown, omitted } = firstFew(names);
  const parts = shown.map(shortenName);
  if (omitted > 0) parts.push(`${omitted} more`);
  const last = parts.pop() ?? '';
  return parts.length === 0 ? last : `${parts.join(', ')} and ${last}`;
}
