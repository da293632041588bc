import type { UpsertLead } from '../leads/lead.ts';

/**
 * The keys by which a lead may be found, each as one text. Two leads that share one may be the same person, so they
 * share a lane (contract A, "syncLead": keys). Email compares without case.
 */
export function laneKeys({ id, foreignKey, marketoCookie, email }: UpsertLead): string[] {
  const keys: string[] = [];
  if (id !== undefined) keys.push(`i${id}`);
  if (foreignKey !== undefined) keys.push(`f${foreignKey.type} ${foreignKey.id}`);
  if (marketoCookie !== undefined) keys.push(`c${marketoCookie}`);
  if (email !== undefined) keys.push(`e${email.toLowerCase()}`);
  return keys;
}

/** Whether two commands ask for the very same thing, so that one call can answer both. */
export function isSameCommand(a: UpsertLead, b: UpsertLead): boolean {
  return (
    a.id === b.id &&
    a.email === b.email &&
    a.foreignKey?.id === b.foreignKey?.id &&
    a.foreignKey?.type === b.foreignKey?.type &&
    a.marketoCookie === b.marketoCookie &&
    a.returnLead === b.returnLead &&
    a.workspace === b.workspace &&
    a.attributes.length === b.attributes.length &&
    a.attributes.every(({ name, value }, index) => {
      const other = b.attributes[index];
      return other !== undefined && other.name === name && Object.is(other.value, value);
    })
  );
}

/** Roughly how many characters a command takes on the wire; what a batch is bounded by. */
export function wireSize({ attributes, email, foreignKey }: UpsertLead): number {
  let size = 200 + (email?.length ?? 0) + (foreignKey?.id.length ?? 0);
  for (const { name, value } of attributes) {
    size += 80 + name.length + (typeof value === 'string' ? value.length : 20);
  }
  return size;
}
