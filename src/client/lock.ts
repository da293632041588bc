import { read, remove, write } from './storage.ts';

type Lease = { readonly owner: string; readonly until: number };

/** Longer than a request may take. */
const LEASE_MS = 35_000;
/** A write of one page is seen by all others after this time. */
export const SETTLE_MS = 100;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const leaseOf = (prefix: string) => `${prefix}lease`;

/** Says that this client sends now, for the next 35 s. */
export function renewLease(prefix: string, owner: string): void {
  write(leaseOf(prefix), { owner, until: Date.now() + LEASE_MS });
}

export const endLease = (prefix: string): void => remove(leaseOf(prefix));

/** Whether another client says that it sends now. One that died is believed until its lease expires. */
export function isElsewhere(prefix: string, owner: string): boolean {
  const lease = read(leaseOf(prefix)) as Lease | null;
  const leftMs = (lease?.until ?? 0) - Date.now();
  return lease?.owner !== owner && leftMs > 0 && leftMs <= LEASE_MS;
}

/** Runs something for one client at a time: by a Web Lock, or by the lease on pages without TLS, which have no locks. */
export async function exclusively(prefix: string, owner: string, run: () => Promise<void>): Promise<void> {
  let ran = false;
  try {
    await navigator.locks.request(prefix, () => {
      ran = true;
      renewLease(prefix, owner);
      return run();
    });
  } catch {
    if (ran) return;
    do {
      while (isElsewhere(prefix, owner)) await sleep(500 + 500 * Math.random());
      renewLease(prefix, owner);
      // Two may have written; the last one wins.
      await sleep(SETTLE_MS);
    } while (isElsewhere(prefix, owner));
    await run();
  }
}
