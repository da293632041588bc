// What Prometheus' own tool says of everything it will read: the alert rules and their tests, the expressions of the
// dashboard, and the metrics of a running gateway.
//   npm run build && node checks/deploy/promtool.mjs
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startDemo, temporaryFolder } from '../processes.mjs';

const folder = temporaryFolder();
const promtool = (args, input = '') => {
  const said = execFileSync('promtool', args, {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  console.log(said.trim());
};

/** The dashboard's expressions as recording rules, with values for what Grafana puts in. */
function dashboardRules() {
  const { panels } = JSON.parse(readFileSync('deploy/grafana/lead-gateway.json', 'utf8'));
  const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const rules = expressions.map((expr, index) => ({
    record: `dashboard:${index}`,
    expr: expr
      .replaceAll('$__rate_interval', '1m')
      .replaceAll('$job', 'lead-gateway')
      .replaceAll('$instance', '.+'),
  }));
  // JSON is YAML.
  return JSON.stringify({ groups: [{ name: 'dashboard', rules }] });
}

/** The metrics of a gateway after a lead stored, a lead refused, a fault and an unknown path. */
async function metricsOfGateway() {
  const gateway = await startDemo({ SHUTDOWN_DELAY_MS: '0' });
  const { url } = gateway;
  try {
    for (const lead of [{ email: 'a@b.c' }, { email: 'no-address' }, { id: 404 }]) {
      await fetch(`${url}/leads`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(lead),
      });
    }
    await fetch(`${url}/nothing`);
    return await (await fetch(`${url}/metrics`)).text();
  } finally {
    await gateway.stop();
  }
}

promtool(['check', 'rules', 'deploy/prometheus/alerts.yml']);
promtool(['test', 'rules', 'deploy/prometheus/alerts.test.yml']);
writeFileSync(join(folder, 'dashboard.yml'), dashboardRules());
promtool(['check', 'rules', join(folder, 'dashboard.yml')]);
const metrics = await metricsOfGateway();
if (!metrics.includes('lead_gateway_upstream_faults_total{code="20103",upstream="soap"} 1'))
  throw new Error(metrics);
promtool(['check', 'metrics'], metrics);
