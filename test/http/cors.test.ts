import { describe, expect, test } from 'vitest';
import {
  bearer,
  ORIGIN,
  PUBLISHABLE,
  SECRET,
  startKeyedGateway,
  startTestGateway,
  type TestGateway,
} from '../support/gateway.ts';

const APP = 'https://app.example';
const OTHER = 'https://other.example';

function preflight(gateway: TestGateway, origin: string) {
  return gateway.request('OPTIONS', '/leads', {
    headers: {
      origin,
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'authorization,content-type',
    },
  });
}

const PREFLIGHT_VARIES = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers';

const start = () => startKeyedGateway([SECRET, PUBLISHABLE], { CORS_ORIGINS: APP });

describe('a preflight', () => {
  test.each([ORIGIN, APP])('from %s is answered, to be kept', async (origin) => {
    const { status, headers, text } = await preflight(await start(), origin);
    expect([status, text]).toEqual([204, '']);
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(headers.get('access-control-allow-methods')).toBe('GET, HEAD, PUT, POST');
    expect(headers.get('access-control-allow-headers')).toBe('authorization, content-type');
    expect(headers.get('access-control-max-age')).toBe('7200');
    expect(headers.get('vary')).toBe(PREFLIGHT_VARIES);
    expect(headers.has('access-control-allow-credentials')).toBe(false);
  });

  test.each([OTHER, 'null', 'https://www.example.com.evil.example'])(
    'from %s is refused with the reason',
    async (origin) => {
      const { status, headers, body } = await preflight(await start(), origin);
      expect(status).toBe(403);
      expect(body.detail).toMatch(/no publishable key and no CORS_ORIGINS lists it/);
      expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
      expect(headers.get('vary')).toBe(`${PREFLIGHT_VARIES}, Accept`);
    },
  );

  test('needs no key, and is refused for every origin where none is configured', async () => {
    expect((await preflight(await startTestGateway(), OTHER)).status).toBe(403);
    const gateway = await startTestGateway({ CORS_ORIGINS: `${APP}, ${OTHER}` });
    expect((await preflight(gateway, OTHER)).status).toBe(204);
  });

  test('is distinguished from a plain OPTIONS, which lists the methods', async () => {
    const { status, headers } = await (await start()).request('OPTIONS', '/leads');
    expect([status, headers.get('allow')]).toEqual([204, 'GET, HEAD, PUT, POST, OPTIONS']);
  });

  test('from the origin of a key that is disabled or revoked is refused', async () => {
    for (const state of [{ enabled: false }, { revokedAt: '2020-01-01T00:00:00Z' }]) {
      const gateway = await startKeyedGateway([{ ...PUBLISHABLE, ...state }]);
      expect((await preflight(gateway, ORIGIN)).status).toBe(403);
    }
  });
});

describe('an answer to a page', () => {
  test('of an allowed origin may be read, with the headers that matter, errors included', async () => {
    const gateway = await start();
    const sent = [
      { ...bearer(PUBLISHABLE.key), origin: ORIGIN },
      { ...bearer(SECRET.key), origin: APP },
      { ...bearer('nonsense'), origin: APP },
    ];
    const answers = await Promise.all(
      sent.map((headers) => gateway.putLead({ email: 'a@b.c' }, { headers })),
    );
    expect(answers.map(({ status }) => status)).toEqual([202, 403, 401]);
    for (const [index, { headers }] of answers.entries()) {
      expect(headers.get('access-control-allow-origin')).toBe(sent[index]?.origin);
      expect(headers.get('access-control-expose-headers')).toContain(
        'X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, Location, Allow, WWW-Authenticate',
      );
      expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin');
      expect(headers.get('vary')).toMatch(/^Origin(?:, Accept)?$/);
    }
  });

  test('of another origin may not, and every answer varies by origin', async () => {
    const gateway = await start();
    const headers = { ...bearer(PUBLISHABLE.key), origin: OTHER };
    const answer = await gateway.putLead({ email: 'a@b.c' }, { headers });
    expect(answer.headers.has('access-control-allow-origin')).toBe(false);
    const plain = await gateway.putLead({ email: 'a@b.c' }, { headers: bearer(SECRET.key) });
    expect([plain.status, plain.headers.get('vary')]).toEqual([201, 'Origin']);
  });

  test('shows how long the upstream took, but not to a publishable key', async () => {
    const open = await startTestGateway({ CORS_ORIGINS: APP });
    const exposed = await open.putLead({ email: 'a@b.c' }, { headers: { origin: APP } });
    expect(exposed.headers.get('access-control-expose-headers')).toContain('Server-Timing');
    const gateway = await start();
    const masked = await gateway.putLead(
      { email: 'a@b.c' },
      { headers: { ...bearer(PUBLISHABLE.key), origin: ORIGIN } },
    );
    expect(masked.headers.has('server-timing')).toBe(false);
  });
});

test('a preflight that names no headers learns of those for leads that may wait, and answers show theirs', async () => {
  const gateway = await start();
  const { headers } = await gateway.request('OPTIONS', '/leads', {
    headers: { origin: APP, 'access-control-request-method': 'PUT' },
  });
  const allowed = headers.get('access-control-allow-headers')?.split(', ');
  expect(allowed).toEqual(expect.arrayContaining(['Idempotency-Key', 'Prefer', 'X-API-Key']));
  const answer = await gateway.putLead({ email: 'a@example.com' }, { headers: { origin: APP } });
  const exposed = answer.headers.get('access-control-expose-headers')?.split(', ');
  expect(exposed).toEqual(expect.arrayContaining(['Location', 'Retry-After', 'Preference-Applied']));
});
