import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { ProtocolFault, SoapFault } from './answer.ts';
import { MARKETO_NS, SOAP_ENVELOPE_NS } from '../text/soap-protocol.ts';
import { attributeOf, childText, isNil, type XmlElement } from './read-xml.ts';

/** How far a timestamp may be from the server's clock, in both directions (docs/sandbox.md#authentication). */
const MAX_AGE_MS = 15 * 60_000;

/** W3C date-time with an offset; PHP's DATE_ISO8601 omits the colon in the offset. */
const TIMESTAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)$/;

export type Credentials = { readonly userId: string; readonly encryptionKey: string };

/** Checks the caller's signature and its age. */
export type Authenticator = {
  /**
   * @throws {SoapFault} 20014 for a missing header, another user or a wrong signature; else 20016 for a timestamp
   *   that is not a date-time with an offset, or is more than 15 minutes from `nowMs`
   */
  check(authentication: Authentication | null, nowMs: number): void;
};

export function createAuthenticator(credentials: Credentials): Authenticator {
  const key = createSecretKey(credentials.encryptionKey, 'utf8');
  return {
    check(authentication, nowMs) {
      if (!authentication || authentication.userId !== credentials.userId || !isSigned(authentication, key)) {
        throw new SoapFault(20014);
      }
      const signedAt = timestampMs(authentication.timestamp);
      if (signedAt === null || Math.abs(nowMs - signedAt) > MAX_AGE_MS) throw new SoapFault(20016);
    },
  };
}

/** HMAC-SHA1 over timestamp and user id, as lower-case hex (docs/marketo-soap.md#authentication). */
function isSigned({ timestamp, userId, signature }: Authentication, key: KeyObject): boolean {
  const expected = createHmac('sha1', key)
    .update(timestamp + userId)
    .digest('hex');
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
}

/** Epoch milliseconds of a W3C date-time with an offset; null for any other text. */
function timestampMs(text: string): number | null {
  const [, dateTime, offset] = TIMESTAMP.exec(text) ?? [];
  if (dateTime === undefined || offset === undefined) return null;
  const ms = Date.parse(
    dateTime + (offset.length === 5 ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset),
  );
  return Number.isNaN(ms) ? null : ms;
}

/** The contents of an AuthenticationHeader; a part that is missing is the empty string. */
export type Authentication = {
  readonly userId: string;
  readonly signature: string;
  readonly timestamp: string;
};

/** A SOAP 1.1 message that was parsed as far as the operation. */
export type SoapRequest = {
  readonly authentication: Authentication | null;
  /** From MktowsContextHeader; null when the header is missing, nil or empty. */
  readonly targetWorkspace: string | null;
  /** The element inside Body. */
  readonly params: XmlElement;
  /** From the local name of `params`, e.g. `syncLead` from `paramsSyncLead`; null when it is not an operation's element. */
  readonly operation: string | null;
};

const ACTOR_NEXT = 'http://schemas.xmlsoap.org/soap/actor/next';
const KNOWN_HEADERS: ReadonlySet<string> = new Set(['AuthenticationHeader', 'MktowsContextHeader']);

/**
 * Finds the parts of an envelope by their expanded names and ignores everything it does not know
 * (docs/sandbox.md#requests-it-accepts).
 * @throws {SoapFault} 20012 when the document is not an envelope with a body
 * @throws {ProtocolFault} for another version's envelope, and for an unknown header that must be understood
 */
export function readSoapRequest(root: XmlElement): SoapRequest {
  if (root.local !== 'Envelope') throw new SoapFault(20012, 'The document is no SOAP envelope');
  if (root.ns !== SOAP_ENVELOPE_NS) throw new ProtocolFault('VersionMismatch', 'Wrong version of SOAP');
  const body = soapChild(root, 'Body');
  const params = body?.children[0];
  if (!params) throw new SoapFault(20012, 'The envelope has no body, or nothing in it');

  let authentication: Authentication | null = null;
  let targetWorkspace: string | null = null;
  for (const block of soapChild(root, 'Header')?.children ?? []) {
    if (block.ns !== MARKETO_NS || !KNOWN_HEADERS.has(block.local)) {
      refuseIfMustUnderstand(block);
    } else if (isNil(block)) {
      // JAX-WS sends a nil header when it has no value for it.
    } else if (block.local === 'AuthenticationHeader') {
      authentication ??= readAuthentication(block);
    } else {
      targetWorkspace ??= childText(block, 'targetWorkspace');
    }
  }
  return { authentication, targetWorkspace, params, operation: operationOf(params) };
}

function soapChild(envelope: XmlElement, local: string): XmlElement | undefined {
  return envelope.children.find((child) => child.local === local && child.ns === SOAP_ENVELOPE_NS);
}

function readAuthentication(block: XmlElement): Authentication {
  return {
    userId: childText(block, 'mktowsUserId') ?? '',
    signature: childText(block, 'requestSignature') ?? '',
    timestamp: childText(block, 'requestTimestamp') ?? '',
  };
}

/** SOAP 1.1, 4.2.2 and 4.2.3: the blocks for this server are those without an actor and those for the next one. */
function refuseIfMustUnderstand(block: XmlElement): void {
  const mustUnderstand = attributeOf(block, SOAP_ENVELOPE_NS, 'mustUnderstand')?.trim();
  if (mustUnderstand !== '1' && mustUnderstand !== 'true') return;
  const actor = attributeOf(block, SOAP_ENVELOPE_NS, 'actor')?.trim() ?? '';
  if (actor === '' || actor === ACTOR_NEXT) {
    throw new ProtocolFault('MustUnderstand', 'A header that must be understood is not known here');
  }
}

function operationOf(params: XmlElement): string | null {
  if (params.ns !== MARKETO_NS || !params.local.startsWith('params')) return null;
  const name = params.local.slice('params'.length);
  return name === '' ? null : name.charAt(0).toLowerCase() + name.slice(1);
}
