// What Prometheus' own tool says of everything it will read: the alert rules and their tests, the expressions of the
// dashboard, and the metrics of a running gateway.
//   npm run build && node checks/deploy/promtool.mjs
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'promtool-'));
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

/** The metrics of a gateway that has something to tell: a lead stored, a lead refused, a fault, a path nobody knows. */
async function metricsOfGateway() {
  const gateway = spawn(process.execPath, ['dist/main.js'], {
    env: { PORT: '0', SANDBOX_PORT: '0', SHUTDOWN_SETTLE_MS: '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    const url = await new Promise((resolve, reject) => {
      let said = '';
      gateway.stderr.setEncoding('utf8').on('data', (chunk) => {
        said += chunk;
        const [, found] = /listens on (http:\S+)/.exec(said) ?? [];
        if (found !== undefined) resolve(found);
      });
      gateway.once('exit', () => reject(new Error(said)));
    });
    for (const lead of [{ email: 'a@b.c' }, { email: 'nobody' }, { id: 404 }]) {
      await fetch(`${url}/leads`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(lead),
      });
    }
    await fetch(`${url}/nothing`);
    return await (await fetch(`${url}/metrics`)).text();
  } finally {
    gateway.kill('SIGTERM');
  }
}

try {
  promtool(['check', 'rules', 'deploy/prometheus/alerts.yml']);
  promtool(['test', 'rules', 'deploy/prometheus/alerts.test.yml']);
  writeFileSync(join(folder, 'dashboard.yml'), dashboardRules());
  promtool(['check', 'rules', join(folder, 'dashboard.yml')]);
  const metrics = await metricsOfGateway();
  if (!metrics.includes('lead_gateway_upstream_faults_total{code="20103"} 1')) throw new Error(metrics);
  promtool(['check', 'metrics'], metrics);
} finally {
  rmSync(folder, { recursive: true });
}
