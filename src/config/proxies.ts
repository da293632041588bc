import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import {
  bareHost,
  type BypassRule,
  isInList,
  authorityOf,
  type Proxies,
  type Proxy,
  proxyFor,
} from '../transport/proxy.ts';
import type { Environment } from './files.ts';
import type { Setting } from './schema.ts';
import { wrapperComplaint } from './texts.ts';

/** What the gateway connects to, through a proxy if there is one for it. */
export type Destination = {
  /** For people, such as "calls to Marketo". */
  readonly what: string;
  readonly url: URL;
};

/** The parts of the configuration that outgoing connections depend on. */
type Connecting = {
  readonly upstream: { readonly endpoint: URL } | null;
  readonly access: { readonly token: { readonly jwksUrl: URL } | null };
  readonly tracing: { readonly endpoint: URL | null } | null;
};

/** Everything the configured gateway connects to but Redis, which is always reached directly. */
export function destinationsOf(config: Connecting): readonly Destination[] {
  const { upstream, access, tracing } = config;
  const all: readonly (readonly [string, URL | null | undefined])[] = [
    ['calls to Marketo', upstream?.endpoint],
    ["the keys of the tokens' issuer", access.token?.jwksUrl],
    ['traces', tracing?.endpoint],
  ];
  return all.flatMap(([what, url]) => (url === null || url === undefined ? [] : [{ what, url }]));
}

/** What is reached directly only because of NO_PROXY. */
function bypassed(proxies: Proxies | null, destinations: readonly Destination[]): Destination[] {
  if (proxies === null) return [];
  const strict = { ...proxies, bypass: [] };
  return destinations.filter(({ url }) => proxyFor(proxies, url) === null && proxyFor(strict, url) !== null);
}

/** What goes through which proxy, one line each, without credentials. */
export function describeProxies(config: Connecting & { readonly proxies: Proxies | null }): string[] {
  const users = new Map<Proxy, string[]>();
  for (const { what, url } of destinationsOf(config)) {
    const proxy = proxyFor(config.proxies, url);
    if (proxy !== null) users.set(proxy, [...(users.get(proxy) ?? []), what]);
  }
  return [...users].map(
    ([proxy, what]) => `${proxy.protocol}//${authorityOf(proxy)} (${proxy.variable}) for ${what.join(', ')}`,
  );
}

/** What is reached directly because of NO_PROXY, one line each. */
export function describeDirect(config: Connecting & { readonly proxies: Proxies | null }): string[] {
  return bypassed(config.proxies, destinationsOf(config)).map(
    ({ what, url }) => `${what} (${url.host}), because of NO_PROXY`,
  );
}

/** A proxy for `http:` only has no effect on what is reached by `https:`. */
export function proxyWarnings(proxies: Proxies | null, destinations: readonly Destination[]): string[] {
  const http = proxies?.http ?? null;
  if (proxies === null || http === null || proxies.https !== null) return [];
  const forBoth = { ...proxies, https: http };
  const missed = destinations.filter(
    ({ url }) => url.protocol === 'https:' && proxyFor(forBoth, url) !== null,
  );
  if (missed.length === 0) return [];
  const meant = http.variable === 'http_proxy' ? 'https_proxy' : 'HTTPS_PROXY';
  const what = missed.map((destination) => destination.what).join(', ');
  return [
    `${http.variable} is for http: addresses only, so https: goes without a proxy (${what}); set ${meant} to change that`,
  ];
}

/** The variables that name proxies, as curl and others read them; each also in lower case. */
export const PROXY_VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'] as const;

type Name = (typeof PROXY_VARIABLES)[number];

/**
 * Reads which proxies outgoing connections go through; null without any. Every mistake begins with the variable's
 * name and shows nothing of its value, which may contain a password.
 *
 * @param origins the env files that variables were read from
 */
export function readProxies(
  env: Environment,
  origins: ReadonlyMap<string, string> = new Map(),
): {
  readonly proxies: Proxies | null;
  /** Each variable by the name in effect, without credentials. */
  readonly settings: readonly Setting[];
  readonly mistakes: readonly string[];
} {
  // A variable can be asked for twice: ALL_PROXY stands in for both of the others.
  const mistakes = new Set<string>();
  const given = (name: Name) => givenBy(env, name, mistakes);
  const proxyBy = (name: Name): Proxy | null => {
    const found = given(name) ?? given('ALL_PROXY');
    if (found === undefined) return null;
    const read = wrapperComplaint(found.value) ?? readProxy(found.value, found.variable);
    if (typeof read !== 'string') return read;
    mistakes.add(`${found.variable} ${read}`);
    return null;
  };
  const [https, http] = [proxyBy('HTTPS_PROXY'), proxyBy('HTTP_PROXY')];
  const bypass = readBypass(given('NO_PROXY'), mistakes);
  const settings = PROXY_VARIABLES.map((name) => {
    const found = given(name);
    if (found === undefined) return { name, value: null, source: 'default' };
    const { variable, value } = found;
    const proxy = [https, http].find((candidate) => candidate?.variable === variable);
    const shown =
      name === 'NO_PROXY' ? value : proxy ? `${proxy.protocol}//${authorityOf(proxy)}` : '(not used)';
    return { name: variable, value: shown, source: origins.get(variable) ?? 'environment' };
  });
  return {
    proxies: https === null && http === null ? null : { https, http, bypass },
    settings,
    mistakes: [...mistakes],
  };
}

/** A variable by the name that is set, in upper or in lower case. */
type Given = { readonly variable: string; readonly value: string };

function givenBy(env: Environment, name: Name, mistakes: Set<string>): Given | undefined {
  const lower = name.toLowerCase();
  const [upperValue, lowerValue] = [env[name]?.trim() || undefined, env[lower]?.trim() || undefined];
  if (upperValue !== undefined && lowerValue !== undefined && upperValue !== lowerValue) {
    mistakes.add(`${name} and ${lower} are both set and differ; use one of them`);
  }
  if (lowerValue !== undefined) return { variable: lower, value: lowerValue };
  return upperValue === undefined ? undefined : { variable: name, value: upperValue };
}

function readBypass(given: Given | undefined, mistakes: Set<string>): BypassRule[] {
  if (given === undefined) return [];
  const { variable, value } = given;
  const wrapped = wrapperComplaint(value);
  if (wrapped !== undefined) {
    mistakes.add(`${variable} ${wrapped}`);
    return [];
  }
  const entries = value.split(/[\s,]+/).filter((entry) => entry !== '');
  return entries.flatMap((entry) => {
    const rule = readBypassRule(entry);
    if (rule !== undefined) return [rule];
    mistakes.add(
      `${variable} must be hosts, addresses or networks separated by commas, such as example.com,10.0.0.0/8`,
    );
    return [];
  });
}

/** The proxy, or what is wrong with it. */
function readProxy(value: string, variable: string): Proxy | string {
  // As in curl, a value without a scheme is an HTTP proxy.
  const text = value.includes('://') ? value : `http://${value}`;
  const rule = 'must be the http: or https: URL of a proxy, such as http://proxy.example.com:3128';
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (/^socks/i.test(value)) return `${rule}; SOCKS is not supported`;
  if (url === undefined || url.port === '0') return rule;
  const { protocol, hostname, port, username, password } = url;
  if (protocol !== 'http:' && protocol !== 'https:') return rule;
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return `${rule}, without a path; write /, ? and # in a password as %2F, %3F and %23`;
  }
  const credentials = decoded(username, password);
  if (credentials === undefined) {
    return 'contains a user or a password that is not percent-encoded; write % as %25, and no colon in the user';
  }
  return {
    protocol,
    hostname: bareHost(hostname),
    port: Number(port) || (protocol === 'https:' ? 443 : 80),
    authorization: credentials === '' ? undefined : basic(credentials),
    variable,
  };
}

/** `user:password` (RFC 7617, 2); empty without credentials, undefined if they are not valid. */
function decoded(username: string, password: string): string | undefined {
  if (username === '' && password === '') return '';
  try {
    const user = decodeURIComponent(username);
    return user.includes(':') ? undefined : `${user}:${decodeURIComponent(password)}`;
  } catch {
    return undefined;
  }
}

function basic(credentials: string): { readonly reveal: () => string } {
  const value = `Basic ${Buffer.from(credentials).toString('base64')}`;
  return { reveal: () => value };
}

/** `*`, a name with all names below it, an address or a network; all but the last may have a port. */
function readBypassRule(entry: string): BypassRule | undefined {
  if (entry === '*') return { isFor: () => true, port: undefined };
  const [, address, prefix] = /^\[?([^\]/]+)\]?\/(\d{1,3})$/.exec(entry) ?? [];
  if (address !== undefined && prefix !== undefined) return networkRule(address, Number(prefix));
  if (entry.includes('/')) return undefined;
  if (isIP(entry) === 6) return { isFor: addressRule(entry), port: undefined };
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(entry) ?? [];
  const bare = bareHost(host);
  if (bare === '') return undefined;
  const isFor = isIP(bare) === 0 ? nameRule(bare) : addressRule(bare);
  return isFor && { isFor, port: port === undefined ? undefined : Number(port) };
}

function networkRule(address: string, prefix: number): BypassRule | undefined {
  const family = isIP(address);
  if (family === 0 || prefix > (family === 6 ? 128 : 32)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4');
  return { isFor: (host) => isInList(list, host), port: undefined };
}

function addressRule(address: string): (host: string) => boolean {
  const list = new BlockList();
  list.addAddress(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return (host) => isInList(list, host);
}

/** `example.com`, `.example.com` and `*.example.com` are the same: the host and all below it. */
function nameRule(name: string): ((host: string) => boolean) | undefined {
  const [first = '', ...wild] = name.replace(/^\*?\./, '').split('*');
  if (wild.length === 0) {
    const domain = domainToASCII(first);
    return domain === '' ? undefined : (host) => host === domain || host.endsWith(`.${domain}`);
  }
  const parts = [first, ...wild].map((part) => part.replaceAll(/[^a-z0-9-]/g, String.raw`\$&`));
  const pattern = new RegExp(`^${parts.join('.*')}$`);
  return (host) => pattern.test(host);
}
