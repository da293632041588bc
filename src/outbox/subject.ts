import { createHash } from 'node:crypto';
import type { UpsertLead } from '../leads/lead.ts';

/** Whom a lead is about, as a hash, so that what is kept of a person can be found; null if it has no email address. */
export function subjectOf({ email, attributes }: UpsertLead): string | null {
  const address = email ?? attributes.find(({ name }) => name.toLowerCase() === 'email')?.value;
  return typeof address === 'string' ? subjectOfEmail(address) : null;
}

/** Email compares without case. */
export function subjectOfEmail(email: string): string {
  return hashOf(email.trim().toLowerCase());
}

/** SHA-256 in base64url. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
