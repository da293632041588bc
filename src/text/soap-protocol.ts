/**
 * The names of the protocol (docs/marketo-soap.md#protocol). Facts only: the gateway and the sandbox share nothing else,
 * so that neither can mirror a mistake of the other (docs/architecture.md#deliberate-twins).
 */

export const SOAP_ENVELOPE_NS = 'http://schemas.xmlsoap.org/soap/envelope/';
export const SOAP12_ENVELOPE_NS = 'http://www.w3.org/2003/05/soap-envelope';
export const MARKETO_NS = 'http://www.marketo.com/mktows/';
export const XSI_NS = 'http://www.w3.org/2001/XMLSchema-instance';

/** The path of the newest API version, in which the endpoint of a subscription ends. */
export const SOAP_PATH = '/soap/mktows/2_9';

export const SOAP_CONTENT_TYPE = 'text/xml; charset=utf-8';

/** The SOAPAction of an operation. The quotes are part of the header's value (SOAP 1.1, 6.1.1). */
export function soapAction(operation: string): string {
  return `"${MARKETO_NS}${operation}"`;
}

export const FOREIGN_SYS_TYPES = ['CUSTOM', 'SFDC', 'NETSUITE'] as const;

/** The values of `attrType` (docs/marketo-soap.md#attribute-types). */
export const ATTRIBUTE_TYPES = [
  'string',
  'text',
  'email',
  'phone',
  'url',
  'integer',
  'score',
  'float',
  'currency',
  'percent',
  'boolean',
  'date',
  'datetime',
] as const;
