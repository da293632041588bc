import { z } from 'zod';
import type { KeyKind } from './api-key.ts';
import { objectError } from './key-file-messages.ts';

/**
 * What a key says about leads that are posted with it: by forms (`successUrl`, `errorUrl`, `honeypot`) and by webhooks
 * (`map`, `signature`). docs/forms.md and docs/webhooks.md describe the members.
 */

const MAX_URL_LENGTH = 2000;
const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])$/;

/** Whether a browser may be sent there: https, or http on this machine, without credentials. */
function isRedirectTarget(text: string): boolean {
  if (text.length > MAX_URL_LENGTH || !/^https?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  return (protocol === 'https:' || LOOPBACK.test(hostname)) && username === '' && password === '';
}

const URL_RULE =
  'must be an absolute https: address (http: on this machine only), without credentials, of at most 2000 characters';

const redirectUrl = z.string({ error: URL_RULE }).refine(isRedirectTarget, { error: URL_RULE });

/** RFC 6901, 3; the whole body is not a value. */
const POINTER = /^(?:\/(?:[^~/]|~[01])*)+$/;
const POINTER_RULE = 'must be a JSON pointer such as /data/email';

const pointer = z.string({ error: POINTER_RULE }).max(1000, { error: POINTER_RULE }).regex(POINTER, {
  error: POINTER_RULE,
});

const SOURCE_RULE =
  'must be a JSON pointer such as /data/email, { "constant": … }, or { "list": …, "where": …, "value": … }';

/** Where a value comes from: a place in the body, a place in the element of a list that has certain texts, or a constant. */
const source = z.union(
  [
    pointer,
    z.strictObject({ constant: z.union([z.string().min(1).max(1000), z.number(), z.boolean()]) }),
    z.strictObject({
      list: pointer,
      where: z.record(z.string().regex(POINTER), z.string()),
      value: pointer,
    }),
  ],
  { error: SOURCE_RULE },
);

export type Source = z.infer<typeof source>;

const leadMap = z.strictObject(
  {
    id: source.optional(),
    email: source.optional(),
    foreignSysPersonId: source.optional(),
    foreignSysType: source.optional(),
    marketoCookie: source.optional(),
    workspace: source.optional(),
    attributes: z.record(z.string().min(1).max(255), source, { error: 'must be an object' }).optional(),
  },
  { error: objectError },
);

export type LeadMap = z.infer<typeof leadMap>;

const SCHEMES = ['standard-webhooks', 'typeform', 'stripe', 'calendly', 'webflow'] as const;

export type SignatureScheme = (typeof SCHEMES)[number];

const signature = z
  .strictObject(
    {
      scheme: z.enum(SCHEMES, { error: `must be one of ${SCHEMES.join(', ')}` }),
      secretFile: z.string().min(1).max(1000).optional(),
      secretEnv: z
        .string()
        .regex(/^[A-Z_][A-Z0-9_]{0,99}$/, { error: 'must be the name of a variable such as TYPEFORM_SECRET' })
        .optional(),
    },
    { error: objectError },
  )
  .refine(({ secretFile, secretEnv }) => (secretFile === undefined) !== (secretEnv === undefined), {
    error: 'needs secretFile or secretEnv: where the secret is',
  });

export type SignatureRule = z.infer<typeof signature>;

/** Members of a key's entry. */
export const postingMembers = {
  successUrl: redirectUrl.optional(),
  errorUrl: redirectUrl.optional(),
  honeypot: z
    .string({ error: 'must be the name of a field' })
    .min(1, { error: 'must be the name of a field' })
    .max(255, { error: 'must have at most 255 characters' })
    .optional(),
  map: leadMap.optional(),
  signature: signature.optional(),
};

/** What a key says about posted leads. */
export type Posting = {
  readonly successUrl?: string | undefined;
  readonly errorUrl?: string | undefined;
  readonly honeypot?: string | undefined;
  readonly map?: LeadMap | undefined;
  readonly signature?: SignatureRule | undefined;
};

type PostingEntry = Posting & {
  readonly kind: KeyKind;
  readonly attributes: readonly string[];
  readonly byId: boolean;
  readonly byForeignId: boolean;
};

/** Fields of a form that are not attributes (docs/forms.md#fields). */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'id',
  'email',
  'foreignSysPersonId',
  'foreignSysType',
  'marketoCookie',
  'workspace',
  'returnLead',
  'attributes',
  'attributeList',
  '_clear',
  '_charset_',
]);

/** Whether a form has the field for a value of the lead: as a honeypot it would drop every lead. */
function isFilledIn(field: string, attributes: readonly string[]): boolean {
  return OWN_FIELDS.has(field) || attributes.includes(field);
}

type Complain = (path: (string | number)[], message: string) => void;

/** The rules between these members and the rest of an entry. A map cannot reach what its key may not write. */
export function checkPosting(
  entry: PostingEntry,
  mayWrite: (attribute: string) => boolean,
  complain: Complain,
): void {
  const { kind, map, byId, byForeignId } = entry;
  if (kind !== 'publishable') {
    for (const member of ['successUrl', 'errorUrl', 'honeypot'] as const) {
      if (entry[member] !== undefined) complain([member], 'is for publishable keys, which forms use');
    }
  }
  const { honeypot } = entry;
  if (honeypot !== undefined && map === undefined && isFilledIn(honeypot, entry.attributes)) {
    complain(['honeypot'], 'must be a field that people leave empty; this one is part of the lead');
  }
  if (kind !== 'webhook' && entry.signature !== undefined) {
    complain(['signature'], 'is for keys of webhooks');
  }
  if (map === undefined) return;
  if (map.id !== undefined && !byId) complain(['map', 'id'], 'needs byId, which the key does not have');
  if (map.foreignSysPersonId !== undefined && !byForeignId) {
    complain(['map', 'foreignSysPersonId'], 'needs byForeignId, which the key does not have');
  }
  for (const name of Object.keys(map.attributes ?? {})) {
    if (!mayWrite(name)) complain(['map', 'attributes', name], 'is not among the attributes of the key');
  }
}
