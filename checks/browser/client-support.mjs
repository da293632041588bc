// Pages with the browser client, and a recorder between them and the gateway.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { until } from '../processes.mjs';
import { newKey, startWithKeys } from './support.mjs';

/** Runs in the page: a client, and what becomes of the leads it took. */
const PAGE_SCRIPT = `
import { createLeadClient } from '$URL/client.js';
window.problems = [];
window.client = createLeadClient({
  url: '$URL',
  key: '$KEY',
  onProblem: (problem, lead) => window.problems.push([problem.slug, lead.email]),
  ...JSON.parse(decodeURIComponent(location.hash.slice(1)) || '{}'),
});
/** Sends a lead; what came of it as data. */
window.send = (lead) => window.client.send(lead).then(
  ({ problem, ...result }) => ({ ...result, ...(problem && { slug: problem.slug }) }),
  ({ name, slug, status, errors, message }) => ({ name, slug, status, errors, message }),
);
window.isReady = true;
`;

/** Forwards to the gateway, and notes what the gateway took. `fault` may answer or break a request instead. */
async function startRecorder() {
  const recorder = { taken: [], asked: 0, fault: undefined, url: '', gatewayUrl: '' };
  const forward = async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const isLead = request.url.startsWith('/leads') && request.method !== 'OPTIONS';
    if (isLead) recorder.asked += 1;
    if (isLead && (await recorder.fault?.(request, response))) return;
    const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers;
    const answer = await fetch(recorder.gatewayUrl + request.url, {
      method: request.method,
      headers,
      ...(body.length > 0 && { body }),
    });
    const text = await answer.text();
    if (isLead && answer.ok) recorder.taken.push(JSON.parse(body.toString()));
    const {
      'content-encoding': _encoding,
      'content-length': _size,
      ...fields
    } = Object.fromEntries(answer.headers);
    response.writeHead(answer.status, fields).end(text);
  };
  // A browser that is gone or a gateway that stops ends the connection.
  const server = createServer((request, response) => {
    forward(request, response).catch(() => request.socket.destroy());
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  recorder.url = `http://127.0.0.1:${server.address().port}`;
  recorder.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return recorder;
}

/** Waits until a page has its client; one that is being loaded again cannot be asked. */
export const ready = (page) =>
  until(
    () => page.evaluate(() => window.isReady === true).catch(() => false),
    'the page has no client',
    30_000,
  );

export const lead = (email, n) => ({ email, attributes: { LeadScore: n } });
export const send = (page, one) => page.evaluate((given) => window.send(given), one);
export const pending = (page) => page.evaluate(() => window.client.pending());

/** Waits until every lead of a page has its answer. */
export const drained = (page) =>
  until(async () => (await pending(page)) === 0, 'the queue is not empty', 30_000);

/** Answers with a status, readable for every page. */
export function refuse(response, status, headers = {}, body = '') {
  response
    .writeHead(status, {
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'Retry-After',
      ...headers,
    })
    .end(body);
}

/** Serves the page under a policy that allows its own scripts and the gateway's, and nothing else. */
async function startPages(recorder, key) {
  const policy = `default-src 'none'; script-src 'self' ${recorder.url}; connect-src ${recorder.url}`;
  const server = createServer((request, response) => {
    response.setHeader('content-security-policy', policy);
    if (request.url === '/page.js') {
      const script = PAGE_SCRIPT.replaceAll('$URL', recorder.url).replaceAll('$KEY', key);
      response.setHeader('content-type', 'text/javascript').end(script);
    } else {
      const page = '<!doctype html><title>A page</title><script type="module" src="/page.js"></script>';
      response.setHeader('content-type', 'text/html').end(page);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: server.address().port, close: () => server.close() };
}

/**
 * The gateway with its sandbox, the recorder in front of it, and pages on `host` that use the client with a publishable
 * key for them.
 */
export async function startClientPages({ host = '127.0.0.1', env = {}, rateLimit } = {}) {
  const publishable = newKey('publishable', {
    name: 'website',
    origins: ['http://placeholder.example'],
    attributes: ['FirstName', 'LeadScore', 'Company'],
    ...(rateLimit && { rateLimit }),
  });
  const recorder = await startRecorder();
  const pages = await startPages(recorder, publishable.key);
  const origin = `http://${host}:${pages.port}`;
  publishable.entry.origins = [origin];
  const gateway = await startWithKeys([publishable.entry], {
    PUBLISHABLE_RESPONSE_MS: '100',
    PUBLISHABLE_REQUESTS_PER_MINUTE: '100000',
    // Leads with a cookie take a call each; in the first hours of a day 10,000 calls have too little credit for that.
    MARKETO_DAILY_CALLS: '1000000',
    ...env,
  });
  recorder.gatewayUrl = gateway.url;
  return { gateway, recorder, origin, pages };
}
