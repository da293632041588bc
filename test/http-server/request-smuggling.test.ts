import { beforeEach, describe, expect } from 'vitest';
import { HIDDEN_REQUEST, READ, REFUSED, sendPieces, statusesIn } from '../../checks/security/framing.mjs';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { record } from '../support/recordings.ts';
import { controlOf, type SandboxLead } from '../support/sandbox.ts';
import { testEvery } from '../support/exhaustive.ts';

async function send(url: string, pieces: readonly string[], answers?: number): Promise<string> {
  const text = await sendPieces(url, pieces, answers);
  record(text);
  return text;
}

async function smuggled({ sandboxUrl }: TestGateway): Promise<SandboxLead[]> {
  const { leads } = (await controlOf(sandboxUrl)('GET', '/leads')) as { leads: SandboxLead[] };
  return leads.filter(({ email }) => email?.startsWith('smuggled'));
}

describe.each([
  ['whole', (bytes: string) => [bytes]],
  ['byte by byte', (bytes: string) => (bytes.length < 1000 ? Array.from(bytes) : [bytes])],
])('sent %s', (_how, cut) => {
  let gateway: TestGateway;
  beforeEach(async () => {
    gateway = await startTestGateway();
  });

  testEvery(3, REFUSED)(
    '%s is refused once, and nothing behind it is served',
    async (_what, bytes, status) => {
      const text = await send(gateway.url, cut(bytes + HIDDEN_REQUEST));
      expect(statusesIn(text)).toEqual([status]);
      expect(text).toMatch(/^X-Request-Id: [\w.-]+\r$/m);
      expect(text).toMatch(/^Connection: close\r$/m);
      expect(await smuggled(gateway)).toEqual([]);
    },
  );

  testEvery(3, READ)('%s is read as intended', async (_what, bytes, statuses) => {
    const text = await send(gateway.url, cut(bytes), statuses.length);
    // An answer to anything hidden in the bytes would stand before that of the last request.
    expect(statusesIn(text)).toEqual(bytes.includes('HTTP/1.0') ? statuses : [...statuses, 404]);
    expect(await smuggled(gateway)).toEqual([]);
  });
});
