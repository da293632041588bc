/** Waits are counted in steps of this many ms. */
const STEP_MS = 10;

/** In ms; 0 without any. */
export type Waits = { readonly p50: number; readonly p99: number; readonly max: number };

export type WaitCounts = ReturnType<typeof createWaitCounts>;

export function createWaitCounts() {
  const counts: number[] = [];
  let total = 0;
  let max = 0;
  const percentile = (share: number) => {
    let atMost = 0;
    for (const [step, count] of counts.entries()) {
      atMost += count;
      if (atMost >= share * total) return step * STEP_MS;
    }
    return 0;
  };
  return {
    add(ms: number): void {
      const step = Math.ceil(ms / STEP_MS);
      while (counts.length <= step) counts.push(0);
      counts[step] = (counts[step] ?? 0) + 1;
      total += 1;
      max = Math.max(max, ms);
    },
    percentiles: (): Waits => ({ p50: percentile(0.5), p99: percentile(0.99), max: Math.round(max) }),
  };
}
