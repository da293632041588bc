import { z } from 'zod';
import { findJsonSyntaxError } from '../text/json.ts';
import { findRepeatedMember } from '../text/repeated-member.ts';
import { objectError, shownName } from './key-file-messages.ts';
import { createKeyring, type Keyring } from './keyring.ts';
import { checkPosting, postingMembers } from './posting.ts';
import { matchNames } from './principal.ts';

/**
 * The key file (API_KEYS_FILE) as a zod schema; `docs/authentication.md` describes it. A key may do only what its entry
 * grants. Messages never repeat a value from the file.
 */

const HASH = /^[0-9a-f]{64}$/;
const KEY_NAME = /^[A-Za-z0-9._-]{1,64}$/;
/** As browsers write it (RFC 6454, section 6.2) and as apps do: app://com.example, capacitor://localhost. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s,*\p{Lu}]+$/u;
const MAX_KEYS = 100_000;

/** True for an origin as a browser or an app sends it. */
export function isOrigin(text: string): boolean {
  if (!ORIGIN.test(text)) return false;
  // Browsers never send a wildcard, a default port, an upper-case host or a path, so such an entry would never match.
  return !/^https?:/.test(text) || (URL.canParse(text) && new URL(text).origin === text);
}

/** Completes "must be an origin such as …" for a text that is not an origin. */
export function originHint(text: string): string {
  if (text.includes('*') && (text === '*' || isOrigin(text.replaceAll('*', 'x'))))
    return '; * is not allowed: list each origin';
  if (isOrigin(text.replace(/\/+$/, ''))) return ', without the slash at the end';
  if (/^[\w.-]+\.[a-z]+(?::\d+)?$/i.test(text)) return ', with https:// in front';
  const url = /^https?:/i.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  if (
    url !== undefined &&
    text === `${url.protocol}//${url.hostname}:${url.protocol === 'https:' ? 443 : 80}`
  )
    return ', without the port: browsers omit the default port';
  if (url !== undefined && isOrigin(text.toLowerCase())) return ', in lower case';
  if (url !== undefined && !/^[ -~]*$/.test(text))
    return ', with its host in punycode (xn--…), as browsers send it';
  return ', in lower case, without a path';
}

const flag = z.boolean({ error: 'must be true or false' }).default(false);

const names = (what: string, max: number) =>
  z
    .array(
      z
        .string({ error: `must be ${what}` })
        .refine((name) => name.length > 0 && name.length <= 255, { error: `must be ${what}` }),
      { error: 'must be a list' },
    )
    .max(max, { error: `must have at most ${max} entries` })
    .default([]);

const moment = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2030-01-31T00:00:00Z' })
  .refine((text) => !Number.isNaN(Date.parse(text)), { error: 'must be a time that exists' });

const count = (max: number) => {
  const error = `must be a whole number from 1 to ${max}`;
  return z.int({ error }).min(1, { error }).max(max, { error });
};

const rateLimit = z
  .strictObject(
    {
      requestsPerSecond: count(10_000).optional(),
      burst: count(100_000).optional(),
      requestsPerDay: count(1_000_000_000).optional(),
    },
    { error: objectError },
  )
  .superRefine(({ requestsPerSecond, burst, requestsPerDay }, context) => {
    const complain = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    if (requestsPerSecond === undefined && requestsPerDay === undefined) {
      complain([], 'needs requestsPerSecond, requestsPerDay or both');
    }
    if (burst === undefined) return;
    if (requestsPerSecond === undefined) complain(['burst'], 'goes only with requestsPerSecond');
    else if (burst % requestsPerSecond !== 0) {
      complain(
        ['burst'],
        'must be a multiple of requestsPerSecond: it is a count of requests in whole seconds',
      );
    }
  });

const keyEntry = z
  .strictObject(
    {
      name: z
        .string({ error: 'is needed' })
        .regex(KEY_NAME, { error: 'must be 1 to 64 characters A-Z a-z 0-9 . _ -' }),
      hash: z
        .string({ error: 'is needed: the SHA-256 of the key' })
        .regex(HASH, { error: 'must be a SHA-256 as 64 lower-case hexadecimal digits' }),
      kind: z.enum(['secret', 'publishable', 'webhook'], { error: 'must be secret, publishable or webhook' }),
      enabled: z.boolean({ error: 'must be true or false' }).default(true),
      expiresAt: moment.optional(),
      /** Set by `keys revoke`; a revoked key is never accepted again. */
      revokedAt: moment.optional(),
      workspaces: names('the name of a workspace, or *', 1000),
      defaultWorkspace: z
        .string({ error: 'must be the name of a workspace' })
        .min(1, { error: 'must be the name of a workspace' })
        .max(255, { error: 'must have at most 255 characters' })
        .optional(),
      attributes: names('the name of an attribute, or a pattern with *', 1000),
      returnLead: flag,
      byId: flag,
      byForeignId: flag,
      metrics: flag,
      outbox: flag,
      origins: z
        .array(
          z.string({ error: 'must be an origin' }).refine(isOrigin, {
            error: ({ input }) =>
              `must be an origin such as https://www.example.com${originHint(String(input))}`,
          }),
          { error: 'must be a list' },
        )
        .max(1000, { error: 'must have at most 1000 entries' })
        .default([]),
      rateLimit: rateLimit.optional(),
      delivery: z
        .enum(['accept', 'fallback', 'sync'], { error: 'must be accept, fallback or sync' })
        .optional(),
      ...postingMembers,
    },
    { error: objectError },
  )
  .superRefine(checkWorkspaces)
  .superRefine(checkKind);

const keyFile = z
  .strictObject(
    {
      keys: z
        .array(keyEntry, { error: 'must be a list' })
        .max(MAX_KEYS, { error: `must have at most ${MAX_KEYS} entries` })
        .superRefine(checkUnique),
    },
    { error: objectError },
  )
  .meta({ id: 'KeyFile' });

export type KeyEntry = z.infer<typeof keyEntry>;

/** A request that names no workspace must not end up in one that the key may not write to. */
function checkWorkspaces(
  { workspaces, defaultWorkspace }: { workspaces: string[]; defaultWorkspace?: string | undefined },
  context: z.RefinementCtx,
): void {
  if (workspaces.length === 0 || workspaces.includes('*')) return;
  const allowed = workspaces.map((name) => name.toLowerCase());
  if (defaultWorkspace === undefined || !allowed.includes(defaultWorkspace.toLowerCase())) {
    context.addIssue({
      code: 'custom',
      path: ['defaultWorkspace'],
      message: 'must be one of workspaces, for requests that name none',
    });
  }
}

/**
 * Anyone can read a publishable key in the page that uses it, and the key of a webhook is part of an address, so they may do
 * less.
 */
function checkKind(entry: z.output<typeof keyEntry>, context: z.RefinementCtx): void {
  const complain = (path: (string | number)[], message: string) =>
    context.addIssue({ code: 'custom', path, message });
  checkPosting(entry, matchNames(entry.attributes), complain);
  if (entry.kind !== 'publishable' && entry.origins.length > 0) {
    complain(
      ['origins'],
      `is for publishable keys; a ${entry.kind} key is refused from pages of other origins`,
    );
  }
  if (entry.kind === 'secret') return;
  if (entry.kind === 'publishable' && entry.origins.length === 0)
    complain(['origins'], 'is needed for a publishable key: at least one');
  for (const member of ['returnLead', 'byId', 'byForeignId', 'metrics', 'outbox'] as const) {
    if (entry[member]) complain([member], `is not allowed for a ${entry.kind} key`);
  }
  for (const [index, name] of entry.attributes.entries()) {
    if (/^\*+$/.test(name))
      complain(['attributes', index], `must be narrower than * for a ${entry.kind} key`);
  }
}

function checkUnique(entries: readonly { name: string; hash: string }[], context: z.RefinementCtx): void {
  for (const member of ['name', 'hash'] as const) {
    const seen = new Set<string>();
    for (const [index, entry] of entries.entries()) {
      if (seen.has(entry[member])) {
        context.addIssue({
          code: 'custom',
          path: [index, member],
          message:
            member === 'name'
              ? 'is also that of another key, revoked ones included; choose another'
              : 'is also that of another key',
        });
      }
      seen.add(entry[member]);
    }
  }
}

export type KeyFileResult =
  | { readonly ok: true; readonly keyring: Keyring; readonly entries: readonly KeyEntry[] }
  /** One sentence per mistake, starting with the member's path; no values. */
  | { readonly ok: false; readonly mistakes: readonly string[] };

/** Reads the text of a key file and reports every mistake in it. */
export function readKeyFile(text: string): KeyFileResult {
  const json = parseJson(text);
  if (!json.ok) return { ok: false, mistakes: [json.mistake] };
  const parsed = keyFile.safeParse(json.value);
  if (!parsed.success) {
    return {
      ok: false,
      mistakes: parsed.error.issues.map(({ path, message }) => `${pathOf(path)} ${message}`),
    };
  }
  return { ok: true, keyring: createKeyring(parsed.data.keys), entries: parsed.data.keys };
}

function parseJson(text: string): { ok: true; value: unknown } | { ok: false; mistake: string } {
  try {
    const value: unknown = JSON.parse(text);
    const repeated = findRepeatedMember(text);
    if (repeated === undefined) return { ok: true, value };
    return { ok: false, mistake: `the file has the member ${shownName(repeated)} twice in one object` };
  } catch {
    // JSON.parse's own message quotes the text.
    const fault = findJsonSyntaxError(text);
    const where = fault === undefined ? '' : ` (line ${fault.line}, column ${fault.column})`;
    return { ok: false, mistake: `the file is not JSON${where}` };
  }
}

/** `keys[0].rateLimit.burst` */
function pathOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file';
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('');
}
