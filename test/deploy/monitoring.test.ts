import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { familiesIn } from '../observability/metric-families.ts';
import { startTestGateway } from '../support/gateway.ts';

type Target = { readonly refId: string; readonly expr: string };
type Panel = {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource?: object;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
};
type Dashboard = {
  readonly uid?: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
};

const read = (path: string) => readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8');
const dashboard = JSON.parse(read('grafana/lead-gateway.json')) as Dashboard;
const alerts = read('prometheus/alerts.yml');
const ALERT_EXPRESSIONS = [...alerts.matchAll(/^ +expr: (.+)$/gm)].map(([, expr = '']) => expr);

/** Only with replicas that share a store. */
const CONDITIONAL = [
  'lead_gateway_shared_store_up',
  'lead_gateway_replicas',
  'lead_gateway_outbox_pending_leads',
  'lead_gateway_outbox_pending_leads_limit',
  'lead_gateway_outbox_oldest_seconds',
];

/** Everything in an expression that stands where PromQL has the name of a series. */
function seriesIn(expr: string): string[] {
  const bare = expr
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, '')
    .replaceAll(/\b(?:by|on|without|ignoring) *\([^)]*\)/g, '');
  const names = [...bare.matchAll(/(?<![\w.$])([a-z_]\w*)\b(?! *\()/g)].map(([, name = '']) => name);
  return names.filter((name) => !['and', 'or', 'unless'].includes(name));
}

async function seriesOfGateway(): Promise<ReadonlySet<string>> {
  const gateway = await startTestGateway();
  const { text } = await gateway.request('GET', '/metrics');
  return new Set([...familiesIn(text).series, ...CONDITIONAL]);
}

test('names of series are found where they stand', () => {
  expect(
    seriesIn('histogram_quantile(0.99, sum by (job, le) (rate(a_bucket{b="c d"}[5m]))) > 1e3 and e or f * 2'),
  ).toEqual(['a_bucket', 'e', 'f']);
});

describe('the alert rules', () => {
  test('name only series there are', async () => {
    const known = await seriesOfGateway();
    const named = ALERT_EXPRESSIONS.flatMap(seriesIn);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
    expect(named.length).toBeGreaterThan(ALERT_EXPRESSIONS.length);
  });

  test('have a test each, an expression in one line, a severity and words', () => {
    const names = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);
    expect(ALERT_EXPRESSIONS).toHaveLength(names.length);
    for (const part of [/severity: (?:warning|critical)/g, /^ +summary: /gm, /^ +description: /gm]) {
      expect(alerts.match(part)).toHaveLength(names.length);
    }
    const tested = read('prometheus/alerts.test.yml');
    expect(names.filter((name) => !tested.includes(`alertname="${name}"`))).toEqual([]);
  });
});

describe('the dashboard', () => {
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');

  test('names only series there are', async () => {
    const known = await seriesOfGateway();
    const named = panels.flatMap(({ targets = [] }) => targets).flatMap(({ expr }) => seriesIn(expr));
    expect(named.filter((name) => !known.has(name))).toEqual([]);
    expect(named.length).toBeGreaterThan(30);
  });

  test('shows every metric of the gateway somewhere', async () => {
    const shown = panels.flatMap(({ targets = [] }) => targets).flatMap(({ expr }) => seriesIn(expr));
    const gateway = await startTestGateway();
    const { names } = familiesIn((await gateway.request('GET', '/metrics')).text);
    const own = [...names].filter((name) => name.startsWith('lead_gateway_'));
    expect(
      own.filter((name) => !shown.some((one) => one.replace(/_(?:bucket|sum|count)$/, '') === name)),
    ).toEqual([]);
  });

  test('asks whatever data source is chosen, for the replicas that are chosen', () => {
    expect(dashboard.uid).toBeUndefined();
    expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
      ['datasource', 'datasource'],
      ['job', 'query'],
      ['instance', 'query'],
    ]);
    for (const { datasource, targets = [] } of panels) {
      expect(datasource).toEqual({ type: 'prometheus', uid: '${datasource}' });
      expect(targets.length).toBeGreaterThan(0);
      for (const { expr } of targets) {
        const selectors = expr.match(/\{[^}]*\}/g) ?? [];
        expect(selectors).toHaveLength(seriesIn(expr).length);
        for (const selector of selectors) expect(selector).toContain('job="$job",instance=~"$instance"');
      }
    }
  });

  test('has panels that do not overlap, and an id for each', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of dashboard.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });
});
