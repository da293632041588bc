import { expect, test } from 'vitest';
import type { Leased } from '../../src/outbox/postgres/claim.ts';
import { createLeases } from '../../src/outbox/postgres/leases.ts';
import { StoreFailure } from '../../src/outbox/store.ts';

const leased = (seq: number, fence = 1): Leased => ({
  lead: { seq, id: `id-${seq}`, payload: '{}', since: 1, goesAlone: false, attempts: 0, takenOver: 'no' },
  fence,
});

const delivered = (seq: number) =>
  ({ kind: 'delivered', seq, id: `id-${seq}`, at: 1, result: '{}' }) as const;

/** An answer of the database that is on its way until it is told to come. */
function createAnswer() {
  let arrive: (leads: readonly Leased[]) => void = () => {};
  const answer = new Promise<readonly Leased[]>((resolve) => (arrive = resolve));
  return { answer, arrive };
}

test('leads that are given out again by an answer from before their end are not sent again', async () => {
  const leases = createLeases();
  const { answer, arrive } = createAnswer();
  const late = leases.ask(() => answer);
  await leases.ask(async () => [leased(1), leased(2)]);
  leases.end(leases.fence([delivered(1)]));
  arrive([leased(1), leased(2)]);
  expect(await late).toEqual({ leads: [leased(2).lead], late: 1 });
  // Tried again, or retried by the operator.
  expect(await leases.ask(async () => [leased(1, 2)])).toEqual({ leads: [leased(1).lead], late: 0 });
});

test('an answer that comes after the lease may have ended gives nothing', async () => {
  const leases = createLeases();
  const { answer, arrive } = createAnswer();
  const asked = leases.ask(() => answer);
  leases.expire();
  arrive([leased(1)]);
  expect(await asked).toEqual({ leads: [], late: 1 });
  expect(leases.seqs()).toEqual([]);
  await expect(leases.ask(async () => [leased(1)])).rejects.toThrow(StoreFailure);
  leases.renew();
  expect((await leases.ask(async () => [leased(1)])).leads).toHaveLength(1);
});
