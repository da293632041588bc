import fc from 'fast-check';
import { Counter, Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { measureEventLoopLag } from '../../src/observability/event-loop-lag.ts';
import { createExposition, type Exposed } from '../../src/observability/exposition.ts';
import { createCounter, createHistogram } from '../../src/observability/series.ts';

const label = fc.constantFrom('', 'a', 'b "quoted" \\ \n', 200, 404);
const buckets = [0.1, 1, 10];

/** The part of the text that is about one metric. */
function familyIn(text: string, name: string): string {
  return (
    text
      .split('\n\n')
      .find((family) => family.startsWith(`# HELP ${name} `))
      ?.trim() ?? ''
  );
}

function exposition(own: Pick<Exposed, 'counters' | 'histograms'>): () => Promise<string> {
  const info = { name: 'a_info', help: 'Help.', labelNames: [] };
  return createExposition({
    ...own,
    gauges: () => [],
    info: [info, {}],
    lag: measureEventLoopLag(() => false),
  });
}

test('a counter reads as one of prom-client, whatever is added to it', async () => {
  const additions = fc.array(fc.record({ x: label, y: label, count: fc.integer({ min: 0, max: 9 }) }));
  await fc.assert(
    fc.asyncProperty(additions, async (all) => {
      const registry = new Registry();
      const described = { name: 'a_total', help: 'Help.', labelNames: ['x', 'y'] };
      const counter = createCounter(described);
      const reference = new Counter({ ...described, registers: [registry] });
      const write = exposition({ counters: [counter], histograms: [] });
      for (const { x, y, count } of all) {
        counter.add([x, y], count);
        reference.inc({ x, y }, count);
      }
      const expected = familyIn(await registry.metrics(), 'a_total');
      expect(familyIn(await write(), 'a_total')).toBe(expected);
      expect(familyIn(await write(), 'a_total')).toBe(expected);
    }),
    { numRuns: 30 },
  );
});

test('a histogram reads as one of prom-client, whatever it has observed', async () => {
  const observations = fc.array(fc.record({ x: label, value: fc.constantFrom(0, 0.1, 0.5, 1, 10, 11) }));
  await fc.assert(
    fc.asyncProperty(observations, async (all) => {
      const registry = new Registry();
      const described = { name: 'a_seconds', help: 'Help.', labelNames: ['x'], buckets };
      const histogram = createHistogram(described);
      const reference = new Histogram({ ...described, registers: [registry] });
      for (const { x, value } of all) {
        histogram.observe([x], value);
        reference.observe({ x }, value);
      }
      const write = exposition({ counters: [], histograms: [histogram] });
      expect(familyIn(await write(), 'a_seconds')).toBe(familyIn(await registry.metrics(), 'a_seconds'));
    }),
    { numRuns: 30 },
  );
});

test('without labels they are there at 0 before anything has happened', async () => {
  const registry = new Registry();
  const described = { help: 'Help.', labelNames: [] };
  const counter = createCounter({ ...described, name: 'a_total' });
  const histogram = createHistogram({ ...described, name: 'b', buckets });
  void new Counter({ ...described, name: 'a_total', registers: [registry] });
  void new Histogram({ ...described, name: 'b', buckets, registers: [registry] });
  const text = await exposition({ counters: [counter], histograms: [histogram] })();
  const expected = await registry.metrics();
  for (const name of ['a_total', 'b']) expect(familyIn(text, name)).toBe(familyIn(expected, name));
});
