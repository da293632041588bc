import { create } from 'xmlbuilder2';
import { MARKETO_NS, SOAP_ENVELOPE_NS } from '../text/soap-protocol.ts';

// The build replaces this module by its exports, so that no start loads xmlbuilder2 (docs/performance.md#start).

/**
 * Marks the place of a value in a frame. It must be ASCII: because of one character beyond Latin-1, V8 would keep every
 * envelope in two bytes per character.
 */
const SLOT = '{slot}';

/**
 * The fixed parts of an envelope, split at its slots. xmlbuilder2 builds them: a DOM for every envelope would cost
 * twenty times as much as joining texts (docs/performance.md#the-hot-path).
 */
function frame(operation: string, withWorkspace: boolean): readonly string[] {
  const envelope = create({ version: '1.0', encoding: 'UTF-8' })
    .ele(SOAP_ENVELOPE_NS, 'SOAP-ENV:Envelope')
    .att('http://www.w3.org/2000/xmlns/', 'xmlns:ns1', MARKETO_NS);
  const header = envelope.ele(SOAP_ENVELOPE_NS, 'SOAP-ENV:Header');
  const authentication = header.ele(MARKETO_NS, 'ns1:AuthenticationHeader');
  for (const name of ['mktowsUserId', 'requestSignature', 'requestTimestamp']) {
    authentication.ele('', name).txt(SLOT);
  }
  if (withWorkspace) {
    header.ele(MARKETO_NS, 'ns1:MktowsContextHeader').ele('', 'targetWorkspace').txt(SLOT);
  }
  envelope.ele(SOAP_ENVELOPE_NS, 'SOAP-ENV:Body').ele(MARKETO_NS, `ns1:${operation}`).txt(SLOT);
  return envelope.doc().end({ wellFormed: true }).split(SLOT);
}

export const SYNC_LEAD = frame('paramsSyncLead', false);
export const SYNC_LEAD_IN_WORKSPACE = frame('paramsSyncLead', true);
export const SYNC_MULTIPLE_LEADS = frame('paramsSyncMultipleLeads', false);
export const DESCRIBE_M_OBJECT = frame('paramsDescribeMObject', false);
export const GET_LEAD = frame('paramsGetLead', false);
export const GET_MULTIPLE_LEADS = frame('paramsGetMultipleLeads', false);
