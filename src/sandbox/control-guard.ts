import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { ControlError } from './control-error.ts';

/** Always this machine (RFC 6761, 6.3). */
const LOOPBACK = /^(?:(?:[a-z0-9-]+\.)*localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/i;
/**
 * Names that nobody can register: those of containers and Services, which have no dot, and what is reserved for
 * networks of one's own (RFC 6762, `.internal`, the default domain of Kubernetes).
 */
const PRIVATE_NAME = /^[a-z0-9_-]+(?:(?:\.[a-z0-9_-]+)*\.(?:internal|local|svc))?\.?$/i;

/**
 * Keeps web pages of others away from the control API, which asks for no credentials: a name that was rebound to
 * this address shows in Host, a request sent from a foreign page in Origin or Sec-Fetch-Site. A sandbox that listens
 * for others may also be called by an address, which cannot be rebound, and by names nobody can register.
 * @throws {ControlError} 403
 */
export function guardControl(headers: IncomingHttpHeaders, ownHost: string): void {
  const host = headers.host ?? '';
  const name = host.replace(/:\d+$/, '');
  if (!isOwnName(name, ownHost)) {
    throw new ControlError(403, 'Address the control API as localhost or 127.0.0.1: it is for local use.');
  }
  const { origin } = headers;
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    throw new ControlError(403, 'The control API takes no requests from pages of another origin.');
  }
  const site = headers['sec-fetch-site'];
  if (site === 'cross-site' && headers['sec-fetch-mode'] !== 'navigate') {
    throw new ControlError(403, 'The control API takes no requests from pages of another site.');
  }
}

function isOwnName(name: string, ownHost: string): boolean {
  if (LOOPBACK.test(name) || name.toLowerCase() === ownHost.toLowerCase()) return true;
  const bound = ownHost.includes(':') ? `[${ownHost}]` : ownHost;
  if (LOOPBACK.test(bound)) return false;
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || PRIVATE_NAME.test(name);
}
