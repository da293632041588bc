import { XSI_NS } from '../text/soap-protocol.ts';
import { envelope, leadRecord, type ReturnedLead, SoapFault } from './answer.ts';
import {
  attributeOf,
  childInt,
  childPresent,
  childrenNamed,
  childText,
  textOf,
  type XmlElement,
} from './read-xml.ts';

export type GetMultipleLeadsRequest = {
  readonly keyType: string;
  readonly keyValues: readonly string[];
  /** The attributes to return; empty: all. */
  readonly includeAttributes: readonly string[];
  /** Leads in an answer at most. */
  readonly batchSize: number;
  /** Where an earlier answer has ended; null for the first. */
  readonly streamPosition: string | null;
};

export type ManyLeads = {
  readonly leads: readonly ReturnedLead[];
  /** Leads that did not fit, and where they begin. */
  readonly remaining: number;
  readonly position: string;
};

/** More keys are ignored, and no answer has more leads (docs/marketo-soap.md#getmultipleleads). */
const MAX_KEYS = 100;
const MAX_LEADS = 1000;

/** @throws {SoapFault} 20019 for a selector that is not a LeadKeySelector, 20109 for a part that is missing */
export function readGetMultipleLeads(params: XmlElement): GetMultipleLeadsRequest {
  const selector = childPresent(params, 'leadSelector');
  if (!selector) throw new SoapFault(20109, 'leadSelector is required');
  const type = attributeOf(selector, XSI_NS, 'type')?.trim().split(':').at(-1);
  const keyType = childText(selector, 'keyType');
  if ((type ?? 'LeadKeySelector') !== 'LeadKeySelector' || (type === undefined && keyType === null)) {
    throw new SoapFault(20019, 'The sandbox serves the LeadKeySelector alone');
  }
  if (keyType === null) throw new SoapFault(20109, 'keyType is required');
  const keyValues = stringsIn(selector, 'keyValues').slice(0, MAX_KEYS);
  if (keyValues.length === 0) throw new SoapFault(20109, 'keyValues is required');
  const batchSize = childInt(params, 'batchSize') ?? MAX_LEADS;
  if (batchSize < 1) throw new SoapFault(20110, 'batchSize must be at least 1');
  return {
    keyType,
    keyValues,
    includeAttributes: stringsIn(params, 'includeAttributes'),
    batchSize: Math.min(batchSize, MAX_LEADS),
    streamPosition: childText(params, 'streamPosition'),
  };
}

/** How many keys a call has, for the call log. */
export function countKeys(params: XmlElement): number {
  const selector = childPresent(params, 'leadSelector');
  return selector ? Math.min(MAX_KEYS, stringsIn(selector, 'keyValues').length) : 0;
}

function stringsIn(parent: XmlElement, name: string): string[] {
  const list = childPresent(parent, name);
  return list ? childrenNamed(list, 'stringItem').map(textOf) : [];
}

export function getMultipleLeadsAnswer({ leads, remaining, position }: ManyLeads): string {
  return envelope(
    `<ns1:successGetMultipleLeads><result><returnCount>${leads.length}</returnCount>` +
      `<remainingCount>${remaining}</remainingCount>` +
      (position === '' ? '<newStreamPosition/>' : `<newStreamPosition>${position}</newStreamPosition>`) +
      `<leadRecordList>${leads.map(leadRecord).join('')}</leadRecordList></result></ns1:successGetMultipleLeads>`,
  );
}
