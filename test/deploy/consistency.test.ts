import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Config, readConfig } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/files.ts';
import { CONFIG_VARIABLES } from '../../src/config/schema.ts';
import { keysText, SECRET } from '../support/gateway.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const text = (path: string) => readFileSync(ROOT + path, 'utf8');
const yaml = (path: string): any => parse(text(path), { merge: true });
const manifest = (name: string) => yaml(`deploy/kubernetes/${name}.yaml`);

const { version } = JSON.parse(text('package.json')) as { version: string };
const compose = yaml('compose.yaml');
const marketo = yaml('deploy/compose.marketo.yaml');
const outbox = yaml('deploy/compose.outbox.yaml');
const overlay = yaml('deploy/kubernetes-outbox/kustomization.yaml');
const deployment = manifest('deployment');
const pod = deployment.spec.template.spec;
const [container] = pod.containers;

/** How much later than the grace period the program itself gives up. */
const STOP_MARGIN_MS = 1000;

const dockerfile = text('Dockerfile');
const IMAGE_ENV: Environment = Object.fromEntries(
  (/^ENV (.*)$/m.exec(dockerfile)?.[1] ?? '').split(' ').map((pair) => pair.split('=')),
);
const IMAGE_PORT = Number(/^EXPOSE (\d+)$/m.exec(dockerfile)?.[1]);

const composeEnv: Environment = compose.services.gateway.environment;
const marketoEnv: Environment = {
  ...composeEnv,
  ...marketo.services.gateway.environment,
  MARKETO_REST_ENDPOINT: 'https://123-abc-456.mktorest.com/rest',
  MARKETO_CLIENT_ID: 'client',
};
const kubernetesEnv: Environment = {
  ...manifest('configmap').data,
  ...Object.fromEntries(
    container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
  ),
};

const outboxEnv: Environment = { ...composeEnv, ...outbox.services.gateway.environment };
/** What the overlay adds to the container of the Deployment. */
const addedEnv: Environment = Object.fromEntries(
  parse(overlay.patches[0].patch).map(({ value }: any) => [value.name, value.value]),
);

const FILES: Readonly<Record<string, string>> = {
  '/run/secrets/marketo-client-secret': 'client secret',
  '/run/secrets/lead-gateway/marketo-client-secret': 'client secret',
  '/run/secrets/lead-gateway/marketo-client-id': 'client',
  '/run/secrets/lead-gateway/redis-url': 'redis://redis:6379',
  '/run/secrets/lead-gateway/keys.json': keysText([SECRET]),
  '/run/keys/keys.json': keysText([SECRET]),
  '/run/secrets/outbox-url': 'postgres://gateway:password@postgres/gateway',
  '/run/secrets/lead-gateway/outbox-url': 'postgres://gateway:password@postgres/gateway',
  '/run/secrets/outbox-encryption-keys': Buffer.alloc(32).toString('base64'),
  '/run/secrets/lead-gateway/outbox-encryption-keys': Buffer.alloc(32).toString('base64'),
};

/** The configuration the gateway would read in the image with these variables. */
function configOf(env: Environment) {
  const read = readConfig({ ...IMAGE_ENV, ...env }, (path) => {
    const content = FILES[path];
    if (content === undefined) throw new Error(`nothing is mounted at ${path}`);
    return content;
  });
  if (!read.ok) throw new Error(read.mistakes.join('\n'));
  return read.config;
}

const VARIABLES: readonly string[] = CONFIG_VARIABLES;

/** Read by others than the configuration. */
const OTHERS = new Set(['NODE_EXTRA_CA_CERTS']);

/** The REST upstream of a configuration. */
function restOf(config: Pick<Config, 'upstream'>) {
  return config.upstream?.protocol === 'rest' ? config.upstream : undefined;
}

test.each([
  ['compose.yaml', composeEnv],
  ['deploy/compose.marketo.yaml', marketoEnv],
  ['the Deployment', kubernetesEnv],
  ['deploy/compose.outbox.yaml', outboxEnv],
  ['deploy/kubernetes-outbox', { ...kubernetesEnv, ...addedEnv }],
])('every variable of %s is one the gateway reads', (_where, env) => {
  const unknown = Object.keys(env).filter((name) => {
    const read = name.replace(/_FILE$/, '');
    return !VARIABLES.includes(name) && !VARIABLES.includes(read) && !OTHERS.has(read);
  });
  expect(unknown).toEqual([]);
});

test.each([
  ['Compose', outboxEnv],
  ['Kubernetes', { ...kubernetesEnv, ...addedEnv }],
])('the outbox of %s is a database, and encrypted', (_where, env) => {
  const config = configOf(env);
  expect(config.outbox?.store.kind).toBe('postgres');
  expect(config.outbox?.encryptionKeys?.reveal()).toHaveLength(1);
});

test('compose.yaml alone runs on the sandbox, and only this machine reaches it', () => {
  const config = configOf(composeEnv);
  expect(config.upstream).toBeNull();
  expect(config.access.keysFile).toBeUndefined();
  const published = Object.values<any>(compose.services).flatMap(({ ports = [] }) => ports as string[]);
  expect(published.length).toBeGreaterThan(2);
  for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
});

test('with Marketo, credentials and keys come from the files that are mounted', () => {
  const withMarketo = configOf(marketoEnv);
  const { access } = withMarketo;
  expect(restOf(withMarketo)?.clientSecret.reveal()).toBe('client secret');
  expect(access.keysFile).toBe('/run/keys/keys.json');
  expect(Object.keys(marketo.secrets)).toEqual(marketo.services.gateway.secrets);
  const kubernetes = configOf(kubernetesEnv);
  expect(restOf(kubernetes)?.clientId).toBe('client');
  const [{ mountPath }] = container.volumeMounts;
  for (const [name, path] of Object.entries(kubernetesEnv)) {
    if (name.endsWith('_FILE')) expect(path).toMatch(new RegExp(`^${mountPath}/[\\w.-]+$`));
  }
});

test('every service of Compose is without privileges, writes only to its volumes, and tells its health', () => {
  for (const [name, service] of Object.entries<any>(compose.services)) {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    expect(service.image).toMatch(/:[\w.-]*\d/);
    expect(service.healthcheck !== undefined || name === 'gateway').toBe(true);
    for (const volume of (service.volumes ?? []) as string[]) {
      const [source = ''] = volume.split(':');
      const isThere = source.startsWith('./') ? existsSync(ROOT + source) : source in compose.volumes;
      expect(isThere ? '' : volume).toBe('');
    }
  }
  expect(dockerfile).toMatch(/^HEALTHCHECK .*"health"\]$/m);
});

test('the ports are the same everywhere', () => {
  const inCompose = configOf(composeEnv);
  const inKubernetes = configOf(kubernetesEnv);
  expect(inCompose.port).toBe(IMAGE_PORT);
  expect(compose.services.gateway.ports).toEqual([
    `127.0.0.1:${IMAGE_PORT}:${inCompose.port}`,
    `127.0.0.1:${inCompose.sandboxPort}:${inCompose.sandboxPort}`,
  ]);
  expect(inCompose.sandboxHost).toBe(inCompose.host);
  const [{ static_configs: targets }] = yaml('deploy/prometheus/prometheus.yml').scrape_configs;
  expect(targets).toEqual([{ targets: [`gateway:${inCompose.metricsPort}`] }]);
  expect(container.ports).toEqual([
    { name: 'http', containerPort: inKubernetes.port },
    { name: 'metrics', containerPort: inKubernetes.metricsPort },
  ]);
  expect(manifest('service').spec.ports.map(({ targetPort }: any) => targetPort)).toEqual([
    'http',
    'metrics',
  ]);
  const [callers, scraper] = manifest('networkpolicy').spec.ingress;
  expect([callers.ports[0].port, scraper.ports[0].port]).toEqual(['http', 'metrics']);
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
    expect(container[probe].httpGet.port).toBe('http');
  }
  expect(manifest('servicemonitor').spec.endpoints[0].port).toBe('metrics');
});

test('the gateway is not killed before its grace period is over', () => {
  const inCompose = configOf(composeEnv);
  const stopMs = Number.parseInt(compose.services.gateway.stop_grace_period, 10) * 1000;
  expect(stopMs).toBeGreaterThanOrEqual(inCompose.shutdownGraceMs + STOP_MARGIN_MS);
  const inKubernetes = configOf(kubernetesEnv);
  const killMs = pod.terminationGracePeriodSeconds * 1000;
  expect(killMs).toBeGreaterThanOrEqual(inKubernetes.shutdownGraceMs + STOP_MARGIN_MS);
  const { shutdownGraceMs, shutdownDelayMs, requestDeadlineMs } = inKubernetes;
  expect(shutdownGraceMs).toBeGreaterThanOrEqual(shutdownDelayMs + requestDeadlineMs);
  expect(shutdownDelayMs).toBeLessThanOrEqual(shutdownGraceMs / 2);
});

test('the most pods there can be stay within the limits of one subscription without Redis', () => {
  const { maxReplicas } = manifest('horizontalpodautoscaler').spec;
  const { maxSurge, maxUnavailable } = deployment.spec.strategy.rollingUpdate;
  expect(maxUnavailable).toBe(0);
  expect((maxReplicas + maxSurge) * Number(kubernetesEnv['REPLICA_SHARE'])).toBeLessThanOrEqual(1);
});

test('the manifests belong together', () => {
  const labels = deployment.spec.template.metadata.labels;
  for (const { matchLabels } of [
    deployment.spec.selector,
    manifest('poddisruptionbudget').spec.selector,
    manifest('networkpolicy').spec.podSelector,
    ...pod.topologySpreadConstraints.map((constraint: any) => constraint.labelSelector),
  ]) {
    expect(matchLabels).toEqual(labels);
  }
  expect(manifest('service').spec.selector).toEqual(labels);
  expect(manifest('horizontalpodautoscaler').spec.scaleTargetRef.name).toBe(deployment.metadata.name);
  expect(container.envFrom).toEqual([{ configMapRef: { name: manifest('configmap').metadata.name } }]);
  const others = readdirSync(`${ROOT}deploy/kubernetes`).filter(
    (file) => !['kustomization.yaml', 'servicemonitor.yaml'].includes(file),
  );
  expect(manifest('kustomization').resources.toSorted()).toEqual(others.toSorted());
});

test('the pod keeps to the restricted profile', () => {
  const user = Number(/^USER (\d+)/m.exec(dockerfile)?.[1]);
  expect(pod.securityContext).toMatchObject({
    runAsNonRoot: true,
    runAsUser: user,
    seccompProfile: { type: 'RuntimeDefault' },
  });
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
});

test('the image has the version of the package wherever it is named', () => {
  expect(compose.services.gateway.image).toBe(`lead-gateway:${version}`);
  expect(container.image).toBe(`lead-gateway:${version}`);
  expect(text('Dockerfile')).toContain(`\nARG VERSION=${version}\n`);
  expect(manifest('kustomization').images).toMatchObject([{ name: 'lead-gateway', newTag: version }]);
});
