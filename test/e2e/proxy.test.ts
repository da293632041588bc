import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createTunnelAgent } from '../../src/transport/tunnel.ts';
import { startTestGateway, upstreamAt } from '../support/gateway.ts';
import { runMain } from '../support/process.ts';
import { startTestSandbox } from '../support/sandbox.ts';
import { startUpstream } from '../support/upstream.ts';
import { startCollector } from './collector.ts';
import { startConnectProxy, startTlsFront, TEST_CERTIFICATE } from './connect-proxy.ts';
import { success } from '../support/answers.ts';
import { EXHAUSTIVE, testEvery } from '../support/exhaustive.ts';

const ENDPOINT = 'http://marketo.invalid/soap/mktows/2_9';
const LEAD = { email: 'a@b.c' };

const behindProxy = (proxy: { readonly at: string }, credentials = '') => ({
  ...upstreamAt(ENDPOINT),
  MARKETO_ALLOW_INSECURE: 'true',
  HTTP_PROXY: `http://${credentials}${proxy.at}`,
  UPSTREAM_TIMEOUT_MS: '500',
});

const upstreamOnPort = async () =>
  startUpstream((response) => void response.writeHead(200, { 'content-type': 'text/xml' }).end(success()));

test('leads go through the proxy, over connections that are kept', async () => {
  const upstream = await upstreamOnPort();
  const proxy = await startConnectProxy({ hosts: { 'marketo.invalid:80': upstream.port } });
  const gateway = await startTestGateway(behindProxy(proxy));
  for (let lead = 0; lead < 3; lead += 1) expect((await gateway.putLead(LEAD)).status).toBe(200);
  expect(proxy.asked.map(({ target }) => target)).toEqual(['marketo.invalid:80']);
  expect(proxy.asked[0]?.headers['proxy-authorization']).toBeUndefined();
  expect(upstream.calls.map(({ url, headers }) => [url, headers.host])).toEqual(
    Array.from({ length: 3 }, () => ['/soap/mktows/2_9', 'marketo.invalid']),
  );
  expect(proxy.others()).toBe(0);
});

test('only the proxy is told the user and the password', async () => {
  const upstream = await upstreamOnPort();
  const proxy = await startConnectProxy({
    hosts: { 'marketo.invalid:80': upstream.port },
    credentials: 'us@er:proxy secret',
  });
  const gateway = await startTestGateway(behindProxy(proxy, 'us%40er:proxy%20secret@'));
  expect((await gateway.putLead(LEAD)).status).toBe(200);
  expect(JSON.stringify(upstream.calls)).not.toMatch(/proxy-authorization/i);
});

testEvery(2, [
  [
    'asks for credentials',
    { credentials: 'a:b' },
    '',
    /asks for a user and a password \(407\), and HTTP_PROXY has none/,
  ],
  [
    'does not know the user',
    { credentials: 'a:b' },
    'a:proxysecret@',
    /does not accept the user and the password in HTTP_PROXY \(407\)/,
  ],
  ['forbids it', { status: 403 }, '', /refuses to connect to marketo\.invalid:80 \(403\)/],
  ['cannot reach it', {}, '', /cannot connect to marketo\.invalid:80 \(502\)/],
  ['stalls', { status: null }, '', /made no connection within 100 ms/],
  ['speaks no HTTP', { raw: 'SSH-2.0-x\r\n' }, '', /does not answer as an HTTP proxy does/],
  ['hangs up', { raw: '' }, '', /cannot be reached \(ECONNRESET\)/],
] as const)(
  'a proxy that %s is named, in the answer and in the log',
  async (what, options, credentials, message) => {
    const proxy = await startConnectProxy(options);
    const timeoutMs = what === 'stalls' ? 100 : 5000;
    const env = { ...behindProxy(proxy, credentials), UPSTREAM_TIMEOUT_MS: `${timeoutMs}` };
    const gateway = await startTestGateway(env, { random: () => 0 });
    const { status, body, text } = await gateway.putLead(LEAD);
    expect({ status, retryable: body.retryable }).toEqual({ status: 502, retryable: true });
    expect(body.type).toMatch(/\/problems\/upstream-unreachable$/);
    expect(body.detail).toMatch(message);
    expect(body.detail).toContain(`the proxy ${proxy.at}`);
    expect(body.detail).toMatch(/the lead was not sent/);
    const warnings = gateway.logs.filter((line) => line.includes('the proxy makes no connections'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(message);
    expect(text + gateway.logs.join('')).not.toContain('proxysecret');
  },
);

test('a proxy that is down is named, tried again as any connection is, and used when it is up', async () => {
  const proxy = await startConnectProxy();
  proxy.close();
  const gateway = await startTestGateway(behindProxy(proxy), { random: () => 0 });
  const { status, body } = await gateway.putLead(LEAD);
  expect(status).toBe(502);
  expect(body.detail).toContain(`the proxy ${proxy.at} cannot be reached (ECONNREFUSED)`);
});

test('a proxy may speak TLS, and its certificate is looked at', async () => {
  const proxy = await startConnectProxy({ tls: true });
  const gateway = await startTestGateway(
    { ...behindProxy(proxy), HTTP_PROXY: `https://${proxy.at}` },
    { random: () => 0 },
  );
  const { body } = await gateway.putLead(LEAD);
  expect(body.detail).toContain(`the proxy ${proxy.at} cannot be reached (DEPTH_ZERO_SELF_SIGNED_CERT)`);
});

test('what NO_PROXY names and what is on this machine goes by no proxy', async () => {
  const proxy = await startConnectProxy();
  const { endpoint } = await upstreamOnPort();
  const gateway = await startTestGateway({
    ...upstreamAt(endpoint),
    ALL_PROXY: `http://${proxy.at}`,
  });
  expect((await gateway.putLead(LEAD)).status).toBe(200);
  const onItsSandbox = await startTestGateway({ ALL_PROXY: `http://${proxy.at}` });
  expect((await onItsSandbox.putLead(LEAD)).status).toBe(201);
  const bypassing = await startTestGateway(
    { ...behindProxy(proxy), NO_PROXY: '.invalid' },
    { random: () => 0 },
  );
  expect((await bypassing.putLead(LEAD)).body.detail).not.toContain('proxy');
  expect(proxy.asked).toEqual([]);
});

test('traces go through the proxy', async () => {
  const collector = await startCollector();
  const port = Number(new URL(collector.endpoint).port);
  const proxy = await startConnectProxy({ hosts: { 'collector.invalid:4318': port } });
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://collector.invalid:4318');
  onTestFinished(() => void vi.unstubAllEnvs());
  const env = {
    HTTP_PROXY: `http://${proxy.at}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.invalid:4318',
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  };
  const gateway = await startTestGateway(env);
  await gateway.putLead(LEAD);
  await gateway.close();
  expect(collector.spans.map(({ name }) => name)).toContain('PUT /leads');
  expect(proxy.asked[0]?.target).toBe('collector.invalid:4318');
});

test('an agent reports to its caller that the proxy refuses to connect', async () => {
  const proxy = await startConnectProxy({ status: 407 });
  const { request } = await import('node:http');
  const agent = createTunnelAgent(
    {
      protocol: 'http:',
      hostname: '127.0.0.1',
      port: proxy.port,
      authorization: undefined,
      variable: 'HTTP_PROXY',
    },
    'http:',
    { timeoutMs: 1000 },
  );
  const failed = new Promise<Error>((resolve) => {
    request({ host: 'collector.invalid', agent }).once('error', resolve).end();
  });
  expect((await failed).message).toMatch(/407/);
});

/** Keys of an identity provider, and a token signed by it. */
async function startIssuer() {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }];
  const server = await startUpstream(
    (response) => void response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys })),
  );
  const token = await new SignJWT({ scope: 'leads:write leads:create leads:update attributes' })
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .setIssuer('https://issuer.example')
    .setAudience('leads')
    .setExpirationTime('1h')
    .sign(privateKey);
  return { server, token };
}

test(
  'TLS inside of the tunnel is verified by the name of the target, for leads and for keys of tokens',
  EXHAUSTIVE,
  async () => {
    const sandbox = await startTestSandbox();
    const issuer = await startIssuer();
    const tlsPort = await startTlsFront(Number(new URL(sandbox.env['MARKETO_SOAP_ENDPOINT'] ?? '').port));
    const proxy = await startConnectProxy({
      hosts: {
        'test-only.invalid:443': tlsPort,
        'other.invalid:443': tlsPort,
        'test-only.invalid:8443': await startTlsFront(issuer.server.port),
      },
      credentials: 'user:proxysecret',
    });
    const env = {
      PORT: '0',
      MARKETO_USER_ID: sandbox.env['MARKETO_USER_ID'] ?? '',
      MARKETO_ENCRYPTION_KEY: sandbox.env['MARKETO_ENCRYPTION_KEY'] ?? '',
      MARKETO_SOAP_ENDPOINT: 'https://test-only.invalid/soap/mktows/2_9',
      JWT_ISSUER: 'https://issuer.example',
      JWT_AUDIENCE: 'leads',
      JWT_JWKS_URL: 'https://test-only.invalid:8443/keys',
      // With its scheme: Node 24 reads the variable as well, and wants one.
      https_proxy: `http://user:proxysecret@${proxy.at}`,
      NODE_EXTRA_CA_CERTS: TEST_CERTIFICATE,
      NODE_USE_ENV_PROXY: '1',
      SHUTDOWN_DELAY_MS: '0',
    };
    const run = runMain(['serve'], env);
    const [, url = ''] = await run.waitFor(/listens on (\S+)/);
    expect(run.output().stderr).toContain(`http://${proxy.at} (https_proxy) for calls to Marketo`);
    const put = await fetch(`${url}/leads`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${issuer.token}` },
      body: JSON.stringify(LEAD),
    });
    expect([put.status, await put.text()]).toEqual([201, expect.any(String)]);
    expect(proxy.asked.map(({ target }) => target).toSorted()).toEqual([
      'test-only.invalid:443',
      'test-only.invalid:8443',
    ]);

    const doctor = runMain(['doctor'], env);
    const wrongName = runMain(['doctor'], {
      ...env,
      MARKETO_SOAP_ENDPOINT: 'https://other.invalid/soap/mktows/2_9',
    });
    const checked = runMain(['check-config'], env);
    expect(await Promise.all([doctor.ended, wrongName.ended, checked.ended])).toEqual([0, 1, 0]);
    expect(doctor.output().stdout).toMatch(
      `ok     proxy: everything below goes through ${proxy.at} (https_proxy)`,
    );
    expect(doctor.output().stdout).toMatch(/^ok +certificate: /m);
    expect(doctor.output().stdout).not.toMatch(/DNS/);
    expect(wrongName.output().stdout).toMatch(/^fault +certificate: .*another host/m);
    expect(checked.output().stdout).toContain(`The proxy is http://${proxy.at} (https_proxy)`);
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    for (const { output } of [run, doctor, wrongName, checked]) {
      expect(JSON.stringify(output())).not.toContain('proxysecret');
    }
  },
);

test('the doctor says what keeps a proxy from connecting, and what to set', EXHAUSTIVE, async () => {
  const proxy = await startConnectProxy({ credentials: 'a:b' });
  const env = {
    MARKETO_USER_ID: 'a',
    MARKETO_ENCRYPTION_KEY: 'b',
    MARKETO_SOAP_ENDPOINT: 'https://marketo.invalid/soap/mktows/2_9',
    HTTPS_PROXY: `http://${proxy.at}`,
  };
  const run = runMain(['doctor'], env);
  expect(await run.ended).toBe(1);
  expect(run.output().stdout).toMatch(
    /^fault +proxy: .*\(407\).*set them in HTTPS_PROXY as in http:\/\/user:password@/m,
  );
  const down = await startConnectProxy();
  down.close();
  const unanswered = runMain(['doctor', '--json'], { ...env, HTTPS_PROXY: `http://${down.at}` });
  expect(await unanswered.ended).toBe(1);
  const findings = JSON.parse(unanswered.output().stdout).findings as { subject: string }[];
  expect(findings.filter(({ subject }) => subject !== 'configuration')).toEqual([
    {
      state: 'fault',
      subject: 'proxy',
      message: expect.stringMatching(/ECONNREFUSED.*check the host and the port in HTTPS_PROXY/),
    },
  ]);
  const wrong = runMain(['serve'], { ...env, HTTPS_PROXY: 'socks5://user:proxysecret@p:1080' });
  expect(await wrong.ended).toBe(78);
  expect(wrong.output().stderr).toMatch(/HTTPS_PROXY must be/);
  expect(wrong.output().stderr).not.toContain('proxysecret');
});
