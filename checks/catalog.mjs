// What `npm run test:all` runs. A check needs no more than `npm ci` and what checks/programs.mjs knows.

const check = (group, what, seconds, file, more = {}) => ({
  group,
  what,
  seconds,
  command: [process.execPath, `checks/${file}`],
  needs: [],
  ...more,
});
const waiting = { waits: true };
/** The tests in a folder of checks. */
const vitest = (folder) => {
  const config = ['--config', 'checks/vitest.config.ts'];
  return { command: [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', ...config, folder] };
};

/** In the order they are run in; `seconds` is what each may take on two cores, `waits` marks what needs little of them. */
export const CHECKS = [
  check('tests', 'what npm test runs', 75, '', {
    command: [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--tags-filter=!exhaustive'],
  }),
  check('exhaustive', 'the tests that npm test leaves out', 120, 'exhaustive.mjs'),
  check('dispatch', "days of up to 2.9 million leads on a day's calls", 130, '', vitest('checks/dispatch')),
  check('batches', 'a stream of 100,000 leads, memory flat', 60, 'batches/stream.mjs', { needs: ['Linux'] }),
  check('batches', 'a file of 5,000 rows is imported across two kills', 60, 'batches/import.mjs', {
    args: ['5000'],
  }),
  check(
    'resilience',
    'at rest it sleeps, and keeps a connection for as long as it is told',
    80,
    'resilience/at-rest.mjs',
    {
      ...waiting,
      needs: ['Linux'],
    },
  ),
  check(
    'redis',
    'three replicas with one subscription, Redis and a replica killed',
    110,
    'redis/replicas.mjs',
    {
      ...waiting,
      needs: ['redis'],
      // For 25 s each; there is other work on the machine.
      args: ['25', '400'],
    },
  ),
  check(
    'outbox',
    'a gateway killed six times: nothing accepted is lost or out of order',
    60,
    'outbox/killed.mjs',
    { ...waiting, args: ['6', '0', 'encrypted'] },
  ),
  check('outbox', 'three replicas on PostgreSQL, which is killed, as they are', 110, 'outbox/postgres.mjs', {
    ...waiting,
    needs: ['PostgreSQL'],
    args: ['4'],
  }),
  check('outbox', 'a start with 200,000 leads to deliver', 60, 'outbox/start-time.mjs', {
    args: ['200000', '5000'],
  }),
  check('outbox', 'a full disk, a read-only one and a file of somebody else', 50, 'outbox/full-disk.mjs', {
    ...waiting,
    needs: ['Linux', 'root'],
  }),
  check('resilience', 'a rolling restart of three behind HAProxy', 55, 'resilience/rolling-restart.mjs', {
    ...waiting,
    needs: ['haproxy'],
  }),
  check(
    'resilience',
    '8 stops with callers in a closed loop: no connection is reset',
    60,
    'resilience/stopping.mjs',
    {
      ...waiting,
      needs: ['Linux'],
      // 20 stops and 20,000 requests without arguments.
      args: ['8', '64', '8000'],
    },
  ),
  check(
    'resilience',
    'killed upstream, black hole, DNS failure, clock jumps, full disk: answered and over without a restart',
    75,
    'resilience/fault-injection.mjs',
    {
      ...waiting,
      needs: ['Linux', 'root', 'nftables', 'iproute2', 'libfaketime'],
      // In namespaces of its own.
      command: [
        'unshare',
        '--net',
        '--mount',
        'sh',
        '-c',
        'ip link set lo up && exec node checks/resilience/fault-injection.mjs',
      ],
    },
  ),
  check(
    'resilience',
    'a minute of 300 requests a second with mishaps leaves nothing behind',
    75,
    'resilience/soak.mjs',
    {
      ...waiting,
      needs: ['Linux'],
      args: ['1', '300'],
    },
  ),
  check(
    'security',
    'the time of an answer to a publishable key does not tell who is known',
    90,
    'security/publishable-timing.mjs',
    waiting,
  ),
  check(
    'security',
    'nor does it with an outbox, where it leaves within 50 ms',
    45,
    'security/publishable-timing.mjs',
    { ...waiting, args: ['5000', '4', 'outbox'] },
  ),
  check('security', 'attacks on HTTP, access and the upstream do not succeed', 60, 'security/attacks.mjs', {
    needs: ['Linux'],
  }),
  check(
    'resilience',
    'stopped, attacked, cut off from upstream and from the reader of its log: every lead is answered',
    120,
    '',
    { ...vitest('checks/resilience'), needs: ['Linux'] },
  ),
  check('deploy', 'the package that is published, and the build', 40, '', vitest('checks/packaging')),
  check(
    'security',
    'bodies of a mebibyte, and the longest heads, hold the event loop up no longer than 30 ms beside other checks',
    80,
    'security/event-loop.mjs',
    // 20 ms is for a machine with nothing else to do: beside others each millisecond of CPU does less.
    { args: ['30'] },
  ),
  check('fuzz', 'properties hold for random input, for longer than in the tests', 120, 'fuzz.mjs', {
    // 20,000 without an argument.
    args: ['5000'],
  }),
  check('redis', 'callers take turns on three replicas', 75, 'redis/fairness.mjs', {
    ...waiting,
    needs: ['redis'],
  }),
  check('redis', 'limits shared through Redis', 10, 'redis/limits.mjs', { needs: ['redis'] }),
  check('redis', 'the scripts by which replicas agree, in a real Redis', 20, 'redis/shared-state.mjs', {
    needs: ['redis'],
  }),
  check(
    'resilience',
    'below a prefix behind nginx and HAProxy, and up for every check of HAProxy',
    25,
    'resilience/reverse-proxies.mjs',
    { needs: ['haproxy', 'nginx'] },
  ),
  check(
    'resilience',
    'leads go through tinyproxy, and its refusal is told',
    15,
    'resilience/outgoing-proxy.mjs',
    { needs: ['tinyproxy'] },
  ),
  check(
    'resilience',
    'every lead is answered beside 10,000 idle connections and attacks',
    60,
    'resilience/idle-connections.mjs',
    {
      needs: ['Linux', 'root'],
      // Descriptors for both ends of them; most systems give a root as many.
      command: ['sh', '-c', 'ulimit -n 20000 && exec node checks/resilience/idle-connections.mjs'],
    },
  ),
  check(
    'deploy',
    'nginx, Caddy and HAProxy with TLS lose no lead at a restart',
    75,
    'deploy/front-ends.mjs',
    {
      needs: ['nginx', 'caddy', 'haproxy', 'openssl'],
    },
  ),
  check('deploy', 'the unit for systemd is valid and exposes little', 5, 'deploy/systemd.mjs', {
    needs: ['systemd-analyze'],
  }),
  check('deploy', 'promtool accepts alerts, dashboard and metrics', 15, 'deploy/promtool.mjs', {
    needs: ['promtool'],
  }),
  check('browser', 'the documentation in Chromium', 60, 'browser/docs.mjs', { needs: ['chromium'] }),
  check(
    'browser',
    'code samples of the documentation, copied and run: curl, JavaScript, Python, PHP, C#',
    60,
    'browser/samples.mjs',
    { needs: ['chromium', 'curl', 'Python', 'PHP', 'C#'] },
  ),
  check(
    'browser',
    'axe finds nothing serious on a desk and a phone, light and dark',
    90,
    'browser/accessibility.mjs',
    { needs: ['chromium'] },
  ),
  check('browser', "a lead shows up on the sandbox's page in Chromium", 15, 'browser/live-leads.mjs', {
    needs: ['chromium'],
  }),
  check('browser', 'pages of allowed and other origins in Chromium', 25, 'browser/origins.mjs', {
    needs: ['chromium'],
  }),
  check(
    'browser',
    'the browser client in Chromium: offline, closed pages, two tabs, 429, blocked cookies',
    60,
    'browser/client.mjs',
    { needs: ['chromium'] },
  ),
  check(
    'browser',
    '40 visits with closed tabs, without a network and with 429s lose no lead and no order',
    100,
    'browser/client-visits.mjs',
    { ...waiting, needs: ['chromium'], args: ['40'] },
  ),
  check('browser', "the sandbox's page in Chromium", 15, 'browser/sandbox-page.mjs', { needs: ['chromium'] }),
  check('browser', 'the status page in Chromium', 20, 'browser/status-page.mjs', { needs: ['chromium'] }),
  check('clients', 'quickstarts, followed word by word', 90, 'clients/quickstarts.mjs', {
    needs: ['chromium', 'curl', 'Python', 'PHP', 'C#', 'Kotlin'],
  }),
  check('clients', 'SOAP clients of other makers against the sandbox', 60, '', {
    needs: ["PHP's SOAP", 'zeep and suds', 'Java', 'JAX-WS', 'C++', 'gSOAP'],
    command: ['sh', 'checks/clients/soap/run.sh'],
  }),
];
