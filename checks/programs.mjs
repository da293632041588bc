// Programs that checks need and npm does not give: how to see that one is there, and the Debian package that brings it.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Whether a command of that name is on the PATH. */
function command(name) {
  return process.env.PATH.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const succeeds = (name, ...args) => spawnSync(name, args, { encoding: 'utf8' });

/** Program → [how to see that it is there, the Debian packages that bring it]. */
const PROGRAMS = {
  caddy: [() => command('caddy'), 'caddy'],
  chromium: [() => existsSync('/usr/bin/chromium'), 'chromium'],
  curl: [() => command('curl'), 'curl'],
  'C#': [() => command('mcs') && command('mono'), 'mono-mcs mono-runtime libmono-system-net-http4.0-cil'],
  'C++': [() => command('g++'), 'g++'],
  gSOAP: [
    () =>
      command('soapcpp2') &&
      existsSync('/usr/include/stdsoap2.h') &&
      existsSync('/usr/include/openssl/hmac.h'),
    'gsoap libgsoap-dev libssl-dev',
  ],
  haproxy: [() => command('haproxy'), 'haproxy'],
  Java: [() => command('javac'), 'default-jdk-headless'],
  'JAX-WS': [() => command('wsimport'), 'jaxws'],
  Kotlin: [() => command('kotlinc'), 'kotlin'],
  iproute2: [() => command('ip'), 'iproute2'],
  libfaketime: [
    () =>
      readdirSync('/usr/lib').some((folder) => existsSync(`/usr/lib/${folder}/faketime/libfaketimeMT.so.1`)),
    'libfaketime',
  ],
  nftables: [() => command('nft'), 'nftables'],
  nginx: [() => command('nginx'), 'nginx-light'],
  openssl: [() => command('openssl'), 'openssl'],
  PHP: [() => command('php'), 'php-cli'],
  "PHP's SOAP": [() => /^soap$/m.test(succeeds('php', '-m').stdout ?? ''), 'php-soap'],
  promtool: [() => command('promtool'), 'prometheus'],
  Python: [() => command('python3'), 'python3'],
  'zeep and suds': [
    () => succeeds('/usr/bin/python3', '-c', 'import zeep, suds').status === 0,
    'python3-zeep python3-suds',
  ],
  PostgreSQL: [() => existsSync('/usr/lib/postgresql'), 'postgresql'],
  redis: [() => command('redis-server'), 'redis-server'],
  'systemd-analyze': [() => command('systemd-analyze'), 'systemd'],
  tinyproxy: [() => command('tinyproxy'), 'tinyproxy-bin'],
};

/** What no package brings: who runs the checks, and on what. */
const CONDITIONS = {
  Linux: () => process.platform === 'linux',
  root: () => process.getuid?.() === 0,
};

const isThere = (name) => (CONDITIONS[name] ?? PROGRAMS[name][0])();

/** Those of the names that are not there, each with the Debian package that brings it. */
export function missing(names) {
  return names
    .filter((name) => !isThere(name))
    .map((name) => ({ name, packages: PROGRAMS[name]?.[1]?.split(' ') ?? [] }));
}
