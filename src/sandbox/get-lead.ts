import { requireParams, type Operation } from './operation.ts';
import type { LeadStore } from './lead-store.ts';
import type { Lead } from './lead.ts';
import { getLeadAnswer } from './soap-answer.ts';
import { SoapFault } from './soap-fault.ts';
import { childPresent, childText } from './xml-find.ts';

/** Finds leads by one key (contract A, "Types"); serves IDNUM, EMAIL and COOKIE. */
export const getLead: Operation = async ({ params }, context) => {
  requireParams(params);
  const key = childPresent(params, 'leadKey');
  if (!key) throw new SoapFault(20101, 'leadKey is required');
  const keyType = childText(key, 'keyType');
  if (keyType === null) throw new SoapFault(20109, 'keyType is required');
  const keyValue = childText(key, 'keyValue');
  if (keyValue === null) throw new SoapFault(20109, 'keyValue is required');
  await context.process();
  const leads = findLeads(context.rules.store, keyType, keyValue);
  if (leads.length === 0) throw new SoapFault(20103, `No lead found with ${keyType} = ${keyValue}`);
  return { answer: getLeadAnswer(leads, context.rules.fields), outcome: 'FOUND' };
};

function findLeads(store: LeadStore, keyType: string, keyValue: string): Lead[] {
  switch (keyType) {
    case 'IDNUM':
      return [store.get(Number(keyValue))].flatMap((lead) => lead ?? []);
    case 'EMAIL':
      return store.allByEmail(keyValue);
    case 'COOKIE':
      return [store.byCookie(keyValue)].flatMap((lead) => lead ?? []);
    default:
      throw new SoapFault(20102, 'The sandbox finds leads by IDNUM, EMAIL and COOKIE');
  }
}
