import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';

/** What load balancers and supervisors ask whether a server is there. */
test.each([
  ["HAProxy's plain option httpchk", 'OPTIONS / HTTP/1.0\r\n\r\n', 204],
  ['HAProxy, a path', 'OPTIONS /healthz HTTP/1.0\r\n\r\n', 204],
  ['HAProxy, GET', 'GET /healthz HTTP/1.0\r\n\r\n', 200],
  ['HAProxy, HTTP/1.1', 'OPTIONS /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 204],
  ['HEAD of the root, which leads on', 'HEAD / HTTP/1.0\r\n\r\n', 302],
  ['HEAD', 'HEAD /healthz HTTP/1.0\r\n\r\n', 200],
  ['HEAD, HTTP/1.1', 'HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 200],
  ['the server as a whole', 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 204],
  ['the server as a whole, HTTP/1.0', 'OPTIONS * HTTP/1.0\r\n\r\n', 204],
  [
    'AWS',
    'GET /readyz HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nUser-Agent: ELB-HealthChecker/2.0\r\nConnection: close\r\n\r\n',
    200,
  ],
  [
    'Google Cloud',
    'GET /readyz HTTP/1.1\r\nHost: 10.0.0.1\r\nUser-Agent: GoogleHC/1.0\r\nConnection: close\r\n\r\n',
    200,
  ],
  [
    'Kubernetes',
    'GET /readyz HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nUser-Agent: kube-probe/1.33\r\nAccept: */*\r\nConnection: close\r\n\r\n',
    200,
  ],
  ['a path that is not there', 'OPTIONS /nothing HTTP/1.0\r\n\r\n', 404],
])('%s gets an answer it takes for health', async (_what, bytes, status) => {
  const gateway = await startTestGateway();
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  socket.write(bytes);
  const answer = await text(socket);
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  if (status === 204) expect(answer).toMatch(/\r\n\r\n$/);
});
