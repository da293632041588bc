import { fstatSync } from 'node:fs';
import { randomBytes, randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import type { Config } from '../config/config.ts';
import type { Upstream } from '../config/upstream.ts';
import { createLogWriter, type LogWriter } from '../observability/log-writer.ts';
import { createLogger, type Logger } from '../observability/logger.ts';
import { type RunningGateway, startGateway } from '../gateway/gateway.ts';
import { systemClock } from '../runtime/clock.ts';
import { announce, defineCommand, ENV_FILE, type Process } from './command.ts';
import { describeDirect, describeProxies } from '../config/proxies.ts';
import { loadConfig, type Loaded, startFailure } from './configuration.ts';
import { closeOnDefect, closeOnSignal, STOP_MARGIN_MS } from './stopping.ts';

const STDOUT = 1;

/** A logger on standard output that survives whatever reads it. */
function createStdoutLogger({ logLevel }: Config): { logger: Logger; writer: LogWriter } {
  // Node makes a pipe or a socket non-blocking when it opens its own stream for it.
  const stats = fstatSync(STDOUT);
  if (stats.isFIFO() || stats.isSocket()) void process.stdout;
  const writer = createLogWriter({
    fd: STDOUT,
    onRecovery: (lines) => logger.warn({ lines }, 'log lines were lost'),
  });
  process.on('exit', writer.flushSync);
  const logger = createLogger({ level: logLevel, destination: writer });
  return { logger, writer };
}

/** The part of the margin in which a slow reader of the log can catch up. */
const LOG_END_MS = 500;

/** `lead-gateway serve` */
export const serve = defineCommand({
  name: 'serve',
  summary: 'run the gateway (the default)',
  options: ENV_FILE,
  notes: 'SIGTERM or SIGINT ends it when the leads under way are through; a second one ends it at once.\n',
  run: async (own, { 'env-file': envFiles }) => {
    await run(own, loadConfig(own, envFiles));
    return null;
  },
});

/** Runs the gateway until a signal or a defect ends it. */
async function run({ env, version, exit }: Process, { config, warnings }: Loaded): Promise<void> {
  // V8 pretenures per-request objects under load; in the old generation they keep whole requests alive until a major GC
  // (docs/performance.md#the-hot-path).
  setFlagsFromString('--no-allocation-site-pretenuring');
  const { logger, writer } = createStdoutLogger(config);
  const gateway = await startGateway(config, {
    logger,
    version,
    ...systemClock,
    random: Math.random,
    newRequestId: randomUUID,
    randomBytes,
    lostLogLines: writer.lost,
    env: (name) => env[name],
  }).catch(async (error: unknown) => {
    throw await startFailure(error, config);
  });
  const maxStopMs = config.shutdownGraceMs + STOP_MARGIN_MS;
  const close = async () => {
    try {
      await gateway.close();
    } finally {
      await writer.end(LOG_END_MS);
    }
  };
  closeOnSignal(close, maxStopMs, { env, exit });
  closeOnDefect(close, maxStopMs, logger, exit);
  announce([...banner(config, gateway, version), ...warnings.map((warning) => `  WARNING   ${warning}`)]);
}

function banner(config: Config, gateway: RunningGateway, version: string): string[] {
  const lines = [
    `lead-gateway ${version} listens on ${gateway.url} (docs: ${config.publicUrl ?? gateway.url}/docs)`,
    `  callers   ${describeCallers(config)}`,
    ...(gateway.metricsUrl === null ? [] : [`  metrics   ${gateway.metricsUrl}`]),
    ...describeProxies(config).map((proxy) => `  proxy     ${proxy}`),
    ...describeDirect(config).map((what) => `  direct    ${what}`),
  ];
  const { upstream } = config;
  if (upstream !== null) return [...lines, `  upstream  ${upstream.endpoint.href}`, ...soapNotice(upstream)];
  return [
    ...lines,
    `  upstream  THE EMBEDDED SANDBOX: nothing reaches Marketo. See its leads at ${gateway.sandboxUrl}/_sandbox`,
  ];
}

/** Marketo's own servers no longer speak SOAP; others may. */
function soapNotice({ protocol, endpoint }: Upstream): string[] {
  return protocol === 'soap' && /\.mktoapi\.com\.?$/.test(endpoint.hostname)
    ? [
        '  WARNING   Marketo switched its SOAP API off on 2026-07-31; set MARKETO_REST_ENDPOINT, MARKETO_CLIENT_ID and MARKETO_CLIENT_SECRET instead',
      ]
    : [];
}

function describeCallers({ access: { keysFile, token } }: Config): string {
  const known = [
    ...(keysFile === undefined ? [] : [`the keys in ${keysFile}`]),
    ...(token === null ? [] : [`tokens of ${token.issuer}`]),
  ];
  return known.length > 0
    ? known.join(', ')
    : 'NOT AUTHENTICATED: anyone who can reach this address can write leads';
}
