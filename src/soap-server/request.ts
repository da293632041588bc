import { MARKETO_NS, SOAP_ENVELOPE_NS } from '../text/soap-protocol.ts';
import { SoapFault } from './answer.ts';
import { attributeOf, childText, isNil, type XmlElement } from './read-xml.ts';

/** What an AuthenticationHeader says; a part that is missing is the empty string. */
export type Authentication = {
  readonly userId: string;
  readonly signature: string;
  readonly timestamp: string;
};

/** A SOAP 1.1 message taken apart. */
export type SoapRequest = {
  readonly authentication: Authentication | null;
  /** From MktowsContextHeader; null when the header is missing, nil or empty. */
  readonly targetWorkspace: string | null;
  /** The element inside Body. */
  readonly params: XmlElement;
  /** Local name of `params` without its leading "params", e.g. `syncLead`; null when it is no operation's element. */
  readonly operation: string | null;
};

/** A fault SOAP itself defines (SOAP 1.1, 4.4); it has no detail, since it does not speak of the body. */
export class ProtocolFault extends Error {
  override readonly name = 'ProtocolFault';
  readonly faultCode: 'VersionMismatch' | 'MustUnderstand';

  constructor(faultCode: 'VersionMismatch' | 'MustUnderstand', message: string) {
    super(message);
    this.faultCode = faultCode;
  }
}

const ACTOR_NEXT = 'http://schemas.xmlsoap.org/soap/actor/next';
const KNOWN_HEADERS: ReadonlySet<string> = new Set(['AuthenticationHeader', 'MktowsContextHeader']);

/**
 * Reads an envelope: Envelope, Header, Body, the header blocks and the operation by expanded name, everything else
 * as it comes (contract D, "Ignores elements it does not know").
 * @throws {SoapFault} 20012 when the document is no envelope with a body.
 * @throws {ProtocolFault} for another version's envelope, or a header that must be understood and is not.
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
      // JAX-WS sends a header it has no value for as nil.
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

/** SOAP 1.1, 4.2.2 and 4.2.3: only blocks for us count, which are those without an actor or for the next one. */
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
