import type { DocumentPath } from '../http/ops/routes.ts';
import { DOCUMENTS } from './document.ts';

/** Stands for the gateway's address in a document that is built before the address is known (RFC 2606, 2). */
const MARK = new URL('https://gateway.invalid/mark');

/** Where it occurs in the text: as a whole, and in the members that Swagger 2.0 splits an address into. */
const PLACES =
  /https:\/\/gateway\.invalid\/mark|(?<="host":")gateway\.invalid(?=")|(?<="basePath":")\/mark(?=")|(?<="schemes":\[")https(?="\])/g;

/**
 * Builds the description of the API that is served at a path, once. The result writes its text for a gateway at an
 * absolute URL without a slash at the end: a caller who sends another Host each time costs no more than any other.
 */
export function prepareDocument(path: DocumentPath, version: string): (server: string) => string {
  const text = JSON.stringify(DOCUMENTS[path](version, MARK.href));
  return (server) => {
    const { protocol, host, pathname } = new URL(server);
    const parts: Readonly<Record<string, string>> = {
      [MARK.href]: server,
      [MARK.host]: host,
      [MARK.pathname]: pathname,
      https: protocol.slice(0, -1),
    };
    return text.replace(PLACES, (place) => JSON.stringify(parts[place]).slice(1, -1));
  };
}
