import { onTestFinished } from 'vitest';
import { createIssuer, type Issuer } from '../../checks/security/issuer.mjs';

/** An identity provider on loopback; ends with the test. */
export async function startIssuer(): Promise<Issuer> {
  const issuer = await createIssuer();
  onTestFinished(issuer.close);
  return issuer;
}
