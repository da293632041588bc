import fc from 'fast-check';
import { Counter, Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createCounter, createHistogram } from '../../src/observability/series.ts';

const label = fc.constantFrom('', 'a', 'b "quoted" \\ \n', 200, 404);
const additions = fc.array(fc.record({ x: label, y: label, count: fc.integer({ min: 0, max: 9 }) }));
const buckets = [0.1, 1, 10];

test('a counter reads as one of prom-client, whatever is added to it', async () => {
  await fc.assert(
    fc.asyncProperty(additions, async (all) => {
      const [registry, theirs] = [new Registry(), new Registry()];
      const described = { name: 'a_total', help: 'Help.', labelNames: ['x', 'y'] };
      const add = createCounter({ registry, ...described });
      const reference = new Counter({ ...described, registers: [theirs] });
      for (const { x, y, count } of all) {
        add([x, y], count);
        reference.inc({ x, y }, count);
      }
      expect(await registry.metrics()).toBe(await theirs.metrics());
      expect(await registry.metrics()).toBe(await theirs.metrics());
    }),
  );
});

test('a histogram reads as one of prom-client, whatever it has observed', async () => {
  const observations = fc.array(fc.record({ x: label, value: fc.constantFrom(0, 0.1, 0.5, 1, 10, 11) }));
  await fc.assert(
    fc.asyncProperty(observations, async (all) => {
      const [registry, theirs] = [new Registry(), new Registry()];
      const described = { name: 'a_seconds', help: 'Help.', labelNames: ['x'], buckets };
      const observe = createHistogram({ registry, ...described });
      const reference = new Histogram({ ...described, registers: [theirs] });
      for (const { x, value } of all) {
        observe([x], value);
        reference.observe({ x }, value);
      }
      expect(await registry.metrics()).toBe(await theirs.metrics());
    }),
  );
});

test('without labels they are there at 0 before anything has happened', async () => {
  const [registry, theirs] = [new Registry(), new Registry()];
  createCounter({ registry, name: 'a_total', help: 'Help.' })([]);
  createHistogram({ registry, name: 'b', help: 'Help.', buckets });
  new Counter({ name: 'a_total', help: 'Help.', registers: [theirs] }).inc();
  void new Histogram({ name: 'b', help: 'Help.', buckets, registers: [theirs] });
  expect(await registry.metrics()).toBe(await theirs.metrics());
  const empty = new Registry();
  createCounter({ registry: empty, name: 'a_total', help: 'Help.' });
  expect(await empty.metrics()).toContain('\na_total 0\n');
});
