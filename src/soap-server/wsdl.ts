import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';

const WSDL_FILE = new URL('../../assets/wsdl/mktows.wsdl', import.meta.url);
const SCHEMA_FILE = new URL('../../assets/wsdl/mktows.xsd', import.meta.url);

const SCHEMA_WITH_INCLUDE = /<xs:schema [^>]*>\s*<xs:include [^>]*>\s*<\/xs:schema>/;
const ADDRESS = /(<soap:address location=")[^"]*(")/;
const XML_DECLARATION = /^<\?xml[^>]*\?>\s*/;
const HOST = /^(?:[\w.-]+|\[[\dA-Fa-f:.]+\])(?::\d{1,5})?$/;

/** Answers a GET on the SOAP endpoint: the WSDL for `?WSDL` in any case, else a hint for a person. */
export type WsdlPage = (
  request: IncomingMessage,
  response: ServerResponse,
  target: { readonly path: string; readonly query: string },
) => void;

/** Reads the WSDL at the first request for it, since most servers never show it. */
export function createWsdlPage(): WsdlPage {
  let wsdl: string | undefined;

  return (request, response, { path, query }) => {
    const { host } = request.headers;
    // HTTP/1.0 allows requests without Host, and only a valid host may be echoed.
    const origin = `http://${host !== undefined && HOST.test(host) ? host : ownHost(request)}`;
    if (!/^(?:singlewsdl|wsdl)(?:[&=].*)?$/i.test(query)) {
      const text = `This is a SOAP endpoint: POST an envelope, or GET ${origin}${path}?WSDL for the description.\n`;
      send(response, 'text/plain; charset=utf-8', text);
      return;
    }
    const address = `${origin}${path}`
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('"', '&quot;');
    wsdl ??= readWsdl();
    const described = wsdl.replace(
      ADDRESS,
      (_match, before: string, after: string) => before + address + after,
    );
    send(response, 'text/xml; charset=utf-8', described);
  };
}

/** The WSDL with the schema inlined: some clients do not follow includes. */
function readWsdl(): string {
  const schema = readFileSync(SCHEMA_FILE, 'utf8').replace(XML_DECLARATION, '').trimEnd();
  return readFileSync(WSDL_FILE, 'utf8').replace(SCHEMA_WITH_INCLUDE, () => schema);
}

function ownHost({ socket }: IncomingMessage): string {
  const { localAddress = '127.0.0.1', localPort = 80 } = socket;
  return `${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`;
}

function send(response: ServerResponse, contentType: string, text: string): void {
  const body = Buffer.from(text);
  response.writeHead(200, { 'Content-Type': contentType, 'Content-Length': body.length }).end(body);
}
