import type { LeadRecord } from '../leads/lead.ts';
import {
  type FaultReply,
  only,
  readLeadRecord,
  readReply,
  type UnreadableReplyValue,
  valueOf,
} from './reply.ts';
import { UnreadableReply, type XmlElement } from './xml-document.ts';

/** Leads that a call has found. */
export type FoundReply = {
  readonly kind: 'found';
  readonly leads: readonly LeadRecord[];
  /** Leads that did not fit the answer. */
  readonly remaining: number;
};

export type FindReply = FoundReply | FaultReply | UnreadableReplyValue;

const COUNTS = { successGetLead: 'count', successGetMultipleLeads: 'returnCount' } as const;

/**
 * Reads a reply to `getLead` or `getMultipleLeads`. One without a list, with another number of leads than it says, or with
 * a lead that has no id is unreadable: no lead is missing unnoticed.
 */
export function readFindReply(
  body: Buffer,
  contentType: string | undefined,
  expected: keyof typeof COUNTS,
): FindReply {
  return readReply(body, contentType, expected, (success): FoundReply => {
    const result = only(success, 'result');
    if (result === undefined) throw new UnreadableReply('has no result in it');
    const count = readCount(result, COUNTS[expected]);
    const list = only(result, 'leadRecordList');
    if (list === undefined && count !== 0) throw new UnreadableReply('has no leadRecordList in it');
    const records = (list?.children ?? []).filter(({ name }) => name === 'leadRecord');
    if (count !== undefined && count !== records.length) {
      throw new UnreadableReply('has another number of leads than it says');
    }
    const leads = records.map(readLeadRecord);
    if (leads.some(({ id }) => id === null)) throw new UnreadableReply('has a lead without an Id');
    return { kind: 'found', leads, remaining: readCount(result, 'remainingCount') ?? 0 };
  });
}

function readCount(result: XmlElement, name: string): number | undefined {
  const text = valueOf(result, name);
  if (text === '') return undefined;
  if (!/^\+?\d{1,9}$/.test(text)) throw new UnreadableReply(`has an invalid ${name}`, { said: text });
  return Number(text);
}
