import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { keysText, SECRET } from '../support/gateway.ts';
import { runMain } from '../support/process.ts';

test('with METRICS_PORT the metrics are at that port only, without credentials', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'metrics-port-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const keysFile = join(folder, 'keys.json');
  writeFileSync(keysFile, keysText([SECRET]));
  const run = runMain(['serve'], {
    PORT: '0',
    SANDBOX_PORT: '0',
    METRICS_PORT: '0',
    SHUTDOWN_DELAY_MS: '0',
    KEEP_ALIVE_TIMEOUT_MS: '620000',
    API_KEYS_FILE: keysFile,
  });
  const [, url] = await run.waitFor(/listens on (http:\S+)/);
  const [, metricsUrl = ''] = await run.waitFor(/metrics +(http:\S+)/);
  const metrics = await fetch(metricsUrl);
  expect(metrics.status).toBe(200);
  expect(metrics.headers.get('keep-alive')).toBe('timeout=620');
  expect(await metrics.text()).toContain('lead_gateway_queue_leads');
  expect((await fetch(`${url}/metrics`)).status).toBe(404);
  for (const path of ['/healthz', '/leads', '/docs', '/metrics/']) {
    const missing = await fetch(new URL(path, metricsUrl));
    expect(missing.status).toBe(404);
    // The pages that explain problems are at the main port.
    expect(await missing.json()).toMatchObject({ type: `${url}/problems/not-found` });
  }
  expect((await fetch(metricsUrl, { method: 'POST' })).status).toBe(405);
  run.child.kill('SIGTERM');
  expect(await run.ended).toBe(0);
});
