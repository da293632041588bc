import type { UpsertLead } from './lead.ts';

/**
 * The keys that a lead may be found by, each as one text. Two leads that share one may be the same person, so they are
 * sent in order (docs/marketo-soap.md#keys). Email compares without case.
 */
export function orderingKeys({ id, foreignKey, marketoCookie, email }: UpsertLead): string[] {
  const keys: string[] = [];
  if (id !== undefined) keys.push(`i${id}`);
  if (foreignKey !== undefined) keys.push(`f${foreignKey.type} ${foreignKey.id}`);
  if (marketoCookie !== undefined) keys.push(`c${marketoCookie}`);
  if (email !== undefined) keys.push(`e${email.toLowerCase()}`);
  return keys;
}
