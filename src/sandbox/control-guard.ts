import type { IncomingHttpHeaders } from 'node:http';
import { ControlError } from './control-error.ts';

const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/i;

/**
 * Keeps web pages of others away from the control API, which asks for no credentials: a name that was rebound to
 * this address shows in Host, a request sent from a foreign page in Origin or Sec-Fetch-Site.
 * @throws {ControlError} 403
 */
export function guardControl(headers: IncomingHttpHeaders, ownHost: string): void {
  const host = headers.host ?? '';
  const name = host.replace(/:\d+$/, '');
  if (!LOOPBACK.test(name) && name.toLowerCase() !== ownHost.toLowerCase()) {
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
