import { timingSafeEqual } from 'node:crypto';
import { type Principal, matchNames, rateLimitOf } from './principal.ts';
import type { KeyEntry } from './key-file.ts';
import { hashKey, isKey } from './api-key.ts';
import type { Posting } from './posting.ts';

/** Why credentials were refused. Logged, never sent to the caller. */
export type Refusal =
  | 'missing'
  | 'malformed'
  | 'unknown'
  | 'disabled'
  | 'revoked'
  | 'expired'
  | 'contradictory'
  /** Authorization or X-API-Key has several lines. */
  | 'repeated'
  /** In the address and elsewhere. */
  | 'several'
  /** Secret keys must not be in an address. */
  | 'secret-in-address'
  /** The key of a webhook came without a valid signature of its sender. */
  | 'webhook-signature'
  | TokenRefusal;

/** The first check that a token failed. Only the log names it. */
export type TokenRefusal =
  | 'token-malformed'
  /** A header parameter that changes the meaning of the rest. */
  | 'token-header'
  | 'token-type'
  | 'token-algorithm'
  | 'token-key'
  | 'token-signature'
  | 'token-issuer'
  | 'token-audience'
  | 'token-expired'
  | 'token-not-yet-valid'
  | 'token-use'
  | 'token-claims';

export type Verdict =
  | Accepted
  /** `name` is set when the key is known; `isCounted` if the address has been charged for it. */
  | { readonly ok: false; readonly refusal: Refusal; readonly name?: string; readonly isCounted?: boolean };

export type Accepted = {
  readonly ok: true;
  readonly caller: Principal;
  readonly origins?: ReadonlySet<string>;
  /** Of a key: finds its entry again. */
  readonly keyHash?: string;
  /** Of a token. */
  readonly expiresAtMs?: number;
};

/** What an operator sees of a key. */
export type ListedKey = {
  readonly name: string;
  readonly kind: KeyEntry['kind'];
  readonly state: 'active' | 'disabled' | 'revoked' | 'expired';
};

/** The keys of a file, indexed by hash. */
export type Keyring = {
  readonly size: number;
  list(nowMs: number): readonly ListedKey[];
  /** Origins of the usable publishable keys. */
  readonly origins: ReadonlySet<string>;
  /** Identifies a key with one SHA-256 and one look-up, whatever the text. */
  identify(text: string, nowMs: number): Verdict;
  /** What a key that was identified before, also by other keys than these, may do now; costs one look-up. */
  find(keyHash: string, nowMs: number): Verdict;
};

type Entry = {
  readonly digest: Buffer;
  readonly blocked: 'disabled' | 'revoked' | undefined;
  readonly expiresAtMs: number;
  readonly accepted: Accepted;
};

export function createKeyring(entries: readonly KeyEntry[]): Keyring {
  const byHash = new Map(entries.map((entry) => [entry.hash, toEntry(entry)]));
  const usable = entries.filter(({ enabled, revokedAt }) => enabled && revokedAt === undefined);
  // Stands in for unknown hashes, so that both cases take the same time.
  const dummy = toEntry(DUMMY_ENTRY);
  return {
    size: entries.length,
    list: (nowMs) =>
      entries.map((entry) => ({
        name: entry.name,
        kind: entry.kind,
        state: blockOf(entry) ?? (nowMs >= expiryOf(entry) ? 'expired' : 'active'),
      })),
    origins: new Set(usable.flatMap(({ origins }) => origins)),
    identify(text, nowMs) {
      const hash = hashKey(text);
      const found = byHash.get(hash);
      const entry = found ?? dummy;
      const isEqual = timingSafeEqual(Buffer.from(hash, 'hex'), entry.digest);
      const refusal = refusalOf(entry, nowMs);
      if (isEqual && found !== undefined && refusal === undefined) return entry.accepted;
      const isWellFormed = isKey(text);
      if (found === undefined) return { ok: false, refusal: isWellFormed ? 'unknown' : 'malformed' };
      return { ok: false, refusal: refusal ?? 'unknown', name: entry.accepted.caller.name };
    },
    find(keyHash, nowMs) {
      const entry = byHash.get(keyHash);
      if (entry === undefined) return { ok: false, refusal: 'unknown' };
      const refusal = refusalOf(entry, nowMs);
      if (refusal === undefined) return entry.accepted;
      return { ok: false, refusal, name: entry.accepted.caller.name };
    },
  };
}

function refusalOf({ blocked, expiresAtMs }: Entry, nowMs: number): Refusal | undefined {
  return blocked ?? (nowMs >= expiresAtMs ? 'expired' : undefined);
}

const DUMMY_ENTRY: KeyEntry = {
  name: 'dummy',
  hash: '0'.repeat(64),
  kind: 'secret',
  enabled: false,
  workspaces: [],
  attributes: [],
  returnLead: false,
  byId: false,
  byForeignId: false,
  metrics: false,
  outbox: false,
  origins: [],
};

function toEntry(entry: KeyEntry): Entry {
  const accepted = { ok: true, caller: principalOf(entry), keyHash: entry.hash } as const;
  return {
    digest: Buffer.from(entry.hash, 'hex'),
    blocked: blockOf(entry),
    expiresAtMs: expiryOf(entry),
    accepted: entry.kind === 'publishable' ? { ...accepted, origins: new Set(entry.origins) } : accepted,
  };
}

function blockOf({ revokedAt, enabled }: KeyEntry): 'revoked' | 'disabled' | undefined {
  if (revokedAt !== undefined) return 'revoked';
  return enabled ? undefined : 'disabled';
}

function expiryOf({ expiresAt }: KeyEntry): number {
  return expiresAt === undefined ? Infinity : Date.parse(expiresAt);
}

/** Whom a key of the file stands for. */
export function principalOf({
  name,
  kind,
  workspaces,
  defaultWorkspace,
  attributes,
  rateLimit,
  delivery,
  ...entry
}: KeyEntry): Principal {
  const { byId, byForeignId, returnLead, metrics, outbox } = entry;
  const { successUrl, errorUrl, honeypot, map, signature } = entry;
  const posting: Posting = { successUrl, errorUrl, honeypot, map, signature };
  return {
    name,
    kind,
    permissions: {
      writeLeads: true,
      byId,
      byForeignId,
      returnLead,
      metrics,
      outbox,
      mayWriteAttribute: matchNames(attributes),
      mayUseWorkspace: matchWorkspaces(workspaces, defaultWorkspace),
      defaultWorkspace,
    },
    ...(rateLimit !== undefined && { rateLimit: rateLimitOf(rateLimit) }),
    ...(delivery !== undefined && { delivery }),
    ...(Object.values(posting).some((value) => value !== undefined) && { posting }),
  };
}

/** Compares workspace names without case (`docs/marketo-soap.md#workspaces`). */
export function matchWorkspaces(
  names: readonly string[],
  defaultWorkspace: string | undefined,
): (name: string) => boolean {
  const matches = matchNames(names.map((name) => name.toLowerCase()));
  // A literal name, never a pattern.
  const own = defaultWorkspace?.toLowerCase();
  return (name) => name.toLowerCase() === own || matches(name.toLowerCase());
}
