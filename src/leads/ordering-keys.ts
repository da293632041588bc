import { appended } from '../runtime/appended.ts';
import type { UpsertLead } from './lead.ts';

/**
 * The keys that a lead may be found by, each as one text. Two leads that share one may be the same person, so they are
 * sent in order (docs/marketo-soap.md#keys). Email compares without case.
 */
export function orderingKeys({ id, foreignKey, marketoCookie, email }: UpsertLead): string[] {
  let keys: string[] = [];
  if (id !== undefined) keys = appended(keys, `i${id}`);
  if (foreignKey !== undefined) keys = appended(keys, `f${foreignKey.type} ${foreignKey.id}`);
  if (marketoCookie !== undefined) keys = appended(keys, `c${marketoCookie}`);
  if (email !== undefined) keys = appended(keys, `e${email.toLowerCase()}`);
  return keys;
}
