import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { bearer, ORIGIN, PUBLISHABLE, SECRET, startKeyedGateway } from '../support/gateway.ts';
import { testEvery } from '../support/exhaustive.ts';

const HERE = '<here>';
const FOREIGN = /^A secret key must not be in a browser/;
const UNPROVEN = /^In a browser a secret key is for the gateway's own pages.*set PUBLIC_URL/;

/** Sends a lead with these header lines, byte for byte; `<here>` stands for the gateway's host and port. */
async function putLead(url: string, lines: readonly string[]): Promise<{ status: number; detail: string }> {
  const { hostname, port, host } = new URL(url);
  const body = '{"email":"jane@example.com"}';
  const head = [
    'PUT /leads HTTP/1.1',
    ...lines,
    `Authorization: Bearer ${SECRET.key}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  const socket = connect(Number(port), hostname);
  socket.write(`${head.join('\r\n').replaceAll(HERE, host)}\r\n\r\n${body}`);
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += String(chunk);
  const json = JSON.parse(/\{.*\}/s.exec(text)?.[0] ?? '{}') as { detail?: string };
  return { status: Number(text.slice(9, 12)), detail: json.detail ?? '' };
}

const SITE = 'Sec-Fetch-Site: same-origin';

describe('a secret key from a page of the gateway itself is taken', () => {
  testEvery<[string, string[], string?]>(3, [
    ['by the address', [`Host: ${HERE}`, `Origin: http://${HERE}`, SITE]],
    ['by a browser that sends no Sec-Fetch-Site', [`Host: ${HERE}`, `Origin: http://${HERE}`]],
    ['by the name localhost', ['Host: localhost:8080', 'Origin: http://localhost:8080', SITE]],
    ['by an address of IPv6', ['Host: [::1]:8080', 'Origin: http://[::1]:8080']],
    ['by an address of the network', ['Host: 10.0.0.5', 'Origin: http://10.0.0.5']],
    ['with the port of the protocol written out', ['Host: 10.0.0.5:80', 'Origin: http://10.0.0.5']],
    ['with a host in capitals', ['Host: LOCALHOST:8080', 'Origin: http://localhost:8080']],
    ['behind a proxy that ends TLS', ['Host: gw.example', 'Origin: https://gw.example', SITE]],
    ['behind such a proxy in an older browser', ['Host: gw.example', 'Origin: https://gw.example']],
    ['behind such a proxy on another port', ['Host: gw.example:8443', 'Origin: https://gw.example:8443']],
    ['by a plain name inside a network', ['Host: gw.test:8080', 'Origin: http://gw.test:8080']],
    ['by such a name in a newer browser', ['Host: gw.test', 'Origin: http://gw.test', SITE]],
    ['at PUBLIC_URL', ['Host: gw.example', 'Origin: https://gw.example', SITE], 'https://gw.example'],
    [
      'at PUBLIC_URL below a prefix, whatever host the proxy sends',
      ['Host: 127.0.0.1:8080', 'Origin: https://gw.example', SITE],
      'https://gw.example/marketo',
    ],
    ['at PUBLIC_URL by a plain name', ['Host: gateway', 'Origin: http://gateway'], 'http://gateway'],
    [
      'through a forwarded port beside PUBLIC_URL',
      ['Host: localhost:9090', 'Origin: http://localhost:9090', SITE],
      'https://gw.example',
    ],
  ])('%s', async (_how, lines, publicUrl) => {
    const gateway = await startKeyedGateway([SECRET], { PUBLIC_URL: publicUrl });
    expect(await putLead(gateway.url, lines)).toEqual({ status: 201, detail: '' });
  });
});

describe('a secret key from any other page is refused', () => {
  testEvery<[string, string[], string?]>(3, [
    ['of another origin', [`Host: ${HERE}`, 'Origin: https://evil.example', 'Sec-Fetch-Site: cross-site']],
    ['of another origin in an older browser', [`Host: ${HERE}`, 'Origin: https://evil.example']],
    ['of another port', [`Host: ${HERE}`, 'Origin: http://127.0.0.1:1', 'Sec-Fetch-Site: same-site']],
    ['of another name for the same host', ['Host: 127.0.0.1:80', 'Origin: http://localhost']],
    ['of the same site', ['Host: gw.example', 'Origin: https://gw.example', 'Sec-Fetch-Site: same-site']],
    ['of another protocol', ['Host: gw.example', 'Origin: http://gw.example'], 'https://other.example'],
    ['without an origin of its own', [`Host: ${HERE}`, 'Origin: null']],
    ['without an origin of its own, from here', [`Host: ${HERE}`, 'Origin: null', SITE]],
    ['with the host null', ['Host: null', 'Origin: null', SITE]],
    ['whose origin is empty', [`Host: ${HERE}`, 'Origin: ']],
    ['of an extension', ['Host: abc', 'Origin: chrome-extension://abc']],
    ['of a file', ['Host: ', 'Origin: file://']],
    ['whose origin has a path', [`Host: ${HERE}`, `Origin: http://${HERE}/`]],
    ['whose origin is in capitals', ['Host: localhost', 'Origin: HTTP://LOCALHOST']],
    ['whose origin has a user', [`Host: ${HERE}`, `Origin: http://evil@${HERE}`]],
    ['with two origins', [`Host: ${HERE}`, `Origin: http://${HERE}`, 'Origin: https://evil.example']],
    ['with two origins in one line', [`Host: ${HERE}`, `Origin: http://${HERE}, https://evil.example`]],
    ['with two sites', [`Host: ${HERE}`, `Origin: http://${HERE}`, SITE, 'Sec-Fetch-Site: cross-site']],
    ['with an unknown site', [`Host: ${HERE}`, `Origin: http://${HERE}`, 'Sec-Fetch-Site: SAME-ORIGIN']],
    [
      'with the host of the page in X-Forwarded-Host',
      [`Host: ${HERE}`, 'Origin: https://evil.example', 'X-Forwarded-Host: evil.example'],
    ],
    ['of a host that begins with ours', ['Host: gw.example', 'Origin: https://gw.example.evil.example']],
  ])('%s', async (_whose, lines, publicUrl) => {
    const gateway = await startKeyedGateway([SECRET], {
      CORS_ORIGINS: 'https://evil.example',
      TRUSTED_PROXIES: '1',
      PUBLIC_URL: publicUrl,
    });
    const { status, detail } = await putLead(gateway.url, lines);
    expect([status, detail]).toEqual([403, expect.stringMatching(/^(A secret key|In a browser)/)]);
  });

  test('with the reason, when it is of another origin', async () => {
    const gateway = await startKeyedGateway([SECRET, PUBLISHABLE], { CORS_ORIGINS: 'https://app.example' });
    for (const origin of ['https://evil.example', 'https://app.example', ORIGIN, 'null']) {
      const { status, detail } = await putLead(gateway.url, [`Host: ${HERE}`, `Origin: ${origin}`]);
      expect([status, detail]).toEqual([403, expect.stringMatching(FOREIGN)]);
    }
  });

  test.each<[string, string[], string?]>([
    ['a name the proxy did not pass on', ['Host: 127.0.0.1:8080', 'Origin: https://gw.example', SITE]],
    [
      'a name that is not the one of PUBLIC_URL',
      ['Host: www.example', 'Origin: https://www.example', SITE],
      'https://gw.example',
    ],
    [
      'PUBLIC_URL with another protocol',
      ['Host: gw.example', 'Origin: http://gw.example'],
      'https://gw.example',
    ],
  ])("with advice, when it may be the gateway's own: %s", async (_what, lines, publicUrl) => {
    const gateway = await startKeyedGateway([SECRET], { PUBLIC_URL: publicUrl });
    const { status, detail } = await putLead(gateway.url, lines);
    expect([status, detail]).toEqual([403, expect.stringMatching(UNPROVEN)]);
  });
});

test("a publishable key is for the origins it lists, on the gateway's own pages too", async () => {
  const gateway = await startKeyedGateway([PUBLISHABLE]);
  const lead = { email: 'jane@example.com' };
  const send = (origin: string) =>
    gateway.putLead(lead, {
      headers: { ...bearer(PUBLISHABLE.key), origin, 'sec-fetch-site': 'same-origin' },
    });
  expect((await send(gateway.url)).status).toBe(403);
  expect((await send('null')).body).toMatchObject({
    detail: expect.stringContaining('the page has none (Origin: null). Open it by http'),
  });
  gateway.file.replace([{ ...PUBLISHABLE, origins: [gateway.url] }]);
  await expect.poll(async () => (await send(gateway.url)).status).toBe(202);
});
