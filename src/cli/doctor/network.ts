import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { bareHost, authorityOf, portOf, type Proxy } from '../../transport/proxy.ts';
import { openTunnel, ProxyFailure } from '../../transport/tunnel.ts';

/** What one check of `doctor` found, for the operator. With a `note` everything still works. */
export type Finding = {
  readonly state: 'ok' | 'note' | 'fault';
  readonly subject:
    | 'configuration'
    | 'upstream'
    | 'DNS'
    | 'proxy'
    | 'connection'
    | 'certificate'
    | 'clock'
    | 'credentials'
    | 'fields'
    | 'foreign ids'
    | 'workspace'
    | 'calls'
    | 'answer'
    | 'Redis';
  readonly message: string;
};

/** What the usual codes of a failed connection mean (errno(3)). */
const CONNECT_FAULTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was reset at once, as firewalls do',
  EHOSTUNREACH: 'there is no route to that host',
  ENETUNREACH: 'there is no route to that network',
  ETIMEDOUT: 'nothing answers there; a firewall may drop the packets',
};

/** What the codes of OpenSSL's verification and of Node's check of the name mean. */
const CERTIFICATE_FAULTS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN:
    'its chain ends in a certificate that is not trusted here, as behind a proxy that decrypts TLS',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the server does not send the intermediate certificates',
  UNABLE_TO_GET_ISSUER_CERT: 'its issuer is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its issuer is not known here',
  CERT_HAS_EXPIRED: 'it has expired, or the clock of this machine is ahead',
  CERT_NOT_YET_VALID: 'it is not valid yet, or the clock of this machine is behind',
  CERT_REVOKED: 'it was revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it was issued for another host',
};

/**
 * Looks up the endpoint's host and connects to it, or connects through the proxy, which then looks it up; stops at the
 * first fault.
 *
 * @param variable where the endpoint comes from
 */
export async function checkNetwork(
  endpoint: URL,
  variable: string,
  proxy: Proxy | null,
  timeoutMs: number,
): Promise<readonly Finding[]> {
  if (proxy !== null) return reachThrough(proxy, endpoint, timeoutMs);
  const host = bareHost(endpoint.hostname);
  const dns = await lookUp(host, variable);
  if (dns.state === 'fault') return [dns];
  const isTls = endpoint.protocol === 'https:';
  const port = portOf(endpoint);
  const error = await tryConnect(host, port, isTls, timeoutMs);
  return [dns, ...connectionFindings(error, `${endpoint.hostname} on port ${port}`, isTls)];
}

async function reachThrough(proxy: Proxy, endpoint: URL, timeoutMs: number): Promise<readonly Finding[]> {
  const through: Finding = {
    state: 'ok',
    subject: 'proxy',
    message: `everything below goes through ${authorityOf(proxy)} (${proxy.variable}), which also looks up the endpoint's host`,
  };
  const protocol = endpoint.protocol === 'https:' ? 'https:' : 'http:';
  const target = { protocol, hostname: bareHost(endpoint.hostname), port: portOf(endpoint) } as const;
  const error = await openTunnel(proxy, target, timeoutMs).then(
    (socket) => void socket.destroy(),
    (failure: NodeJS.ErrnoException) => failure,
  );
  if (error instanceof ProxyFailure) {
    return [{ state: 'fault', subject: 'proxy', message: `${error.message}${adviceFor(error, proxy)}` }];
  }
  const where = `${endpoint.hostname} on port ${target.port}, through the proxy,`;
  return [through, ...connectionFindings(error, where, protocol === 'https:')];
}

function adviceFor({ status, code }: ProxyFailure, { variable }: Proxy): string {
  if (status === 407)
    return `; set them in ${variable} as in http://user:password@host:port, percent-encoded`;
  if (status !== undefined)
    return '; ask the operator of the proxy, or put the host in NO_PROXY if it can be reached directly';
  return code === undefined ? '' : `; check the host and the port in ${variable}`;
}

async function lookUp(host: string, variable: string): Promise<Finding> {
  if (isIP(host) !== 0)
    return { state: 'ok', subject: 'DNS', message: 'the endpoint has an address, not a name' };
  try {
    const addresses = await lookup(host, { all: true });
    const list = addresses.map(({ address }) => address).join(', ');
    return { state: 'ok', subject: 'DNS', message: `${host} resolves to ${list}` };
  } catch (error) {
    return {
      state: 'fault',
      subject: 'DNS',
      message: `the name ${host} in ${variable} cannot be looked up (${codeOf(error)}); check its spelling and the name servers of this machine`,
    };
  }
}

/** The error with which a connection failed; undefined if it did not. */
function tryConnect(
  host: string,
  port: number,
  isTls: boolean,
  timeoutMs: number,
): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const socket = isTls
      ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }) })
      : connect({ host, port });
    const ended = (error?: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(error);
    };
    const timer = setTimeout(
      () => ended(Object.assign(new Error('too slow'), { code: 'ETIMEDOUT' })),
      timeoutMs,
    );
    socket.once(isTls ? 'secureConnect' : 'connect', () => ended());
    socket.on('error', ended);
  });
}

function connectionFindings(
  error: NodeJS.ErrnoException | undefined,
  where: string,
  isTls: boolean,
): readonly Finding[] {
  const connected: Finding = { state: 'ok', subject: 'connection', message: `${where} accepts connections` };
  if (error === undefined) {
    if (!isTls) return [connected];
    return [
      connected,
      { state: 'ok', subject: 'certificate', message: 'the certificate is valid for that host' },
    ];
  }
  const code = codeOf(error);
  const certificateFault = CERTIFICATE_FAULTS[code];
  if (certificateFault !== undefined) {
    return [
      connected,
      {
        state: 'fault',
        subject: 'certificate',
        message: `the certificate of ${where} is not accepted: ${certificateFault} (${code})`,
      },
    ];
  }
  // OpenSSL's own errors: the other side does not speak TLS, or no version in common.
  const isTlsFault = /^(?:ERR_SSL|ERR_TLS|EPROTO)/.test(code);
  const meaning = isTlsFault ? 'it does not speak TLS, or no version in common' : CONNECT_FAULTS[code];
  return [
    {
      state: 'fault',
      subject: 'connection',
      message: `no connection to ${where}: ${meaning === undefined ? code : `${meaning} (${code})`}`,
    },
  ];
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown error';
}
