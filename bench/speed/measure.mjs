/** How long something holds the event loop: the very first time, usually, and at worst once it is warm. */
const RUNS = 60;

export function measure(work) {
  const times = Array.from({ length: RUNS }, () => {
    const startedAt = performance.now();
    work();
    return performance.now() - startedAt;
  });
  const [firstMs] = times;
  const sorted = times.toSorted((a, b) => a - b);
  return { firstMs, medianMs: sorted[RUNS / 2], worstWarmMs: Math.max(...times.slice(10)) };
}
