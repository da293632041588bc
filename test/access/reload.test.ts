import { execFileSync } from 'node:child_process';
import { renameSync, rmSync, symlinkSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { success } from '../support/answers.ts';
import {
  bearer,
  type Entry,
  keysText,
  SECRET,
  startKeyedGateway,
  type TestGateway,
  upstreamAt,
  writeKeysFile,
} from '../support/gateway.ts';
import { IS_THOROUGH } from '../support/fuzz.ts';
import { runMain, runServe } from '../support/process.ts';
import { TEST_KEYS } from '../support/recordings.ts';
import { startUpstream } from '../support/upstream.ts';
import { writeKey } from '../../src/access/api-key.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const OTHER: Entry = { ...SECRET, name: 'other', key: TEST_KEYS.other };

const statusOf = async (gateway: TestGateway, key: string) =>
  (await gateway.request('GET', '/metrics', { headers: bearer(key) })).status;

const soon = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 10 });

describe('the file of keys', () => {
  test('is read again when it is replaced', async () => {
    const gateway = await startKeyedGateway([SECRET]);
    gateway.file.replace([OTHER]);
    await soon(async () => expect(await statusOf(gateway, OTHER.key)).toBe(200));
    expect(await statusOf(gateway, SECRET.key)).toBe(401);
  });

  test.each<[string, (file: { path: string; replaceText(text: string): void }) => void, RegExp]>([
    ['is not JSON', (file) => file.replaceText('{'), /is not valid/],
    [
      'breaks a rule',
      (file) => file.replaceText(keysText([OTHER]).replace('"secret"', '"publishable"')),
      /is not valid/,
    ],
    ['is gone', (file) => rmSync(file.path), /cannot be read/],
  ])(
    'keeps the old keys when it %s, says so at /readyz and in the log, and recovers',
    async (_what, spoil, reason) => {
      const gateway = await startKeyedGateway([SECRET]);
      const ready = async () => (await gateway.request('GET', '/readyz')).body as { warnings?: string[] };
      expect(await ready()).toEqual({ status: 'ready' });
      spoil(gateway.file);
      await soon(async () => expect((await ready()).warnings).toHaveLength(1));
      expect((await ready()).warnings?.[0]).toMatch(reason);
      expect(await statusOf(gateway, SECRET.key)).toBe(200);
      expect(gateway.logs.join('')).toContain(
        'the changed key file cannot be used; the previous keys stay in use',
      );
      gateway.file.replace([OTHER]);
      await soon(async () => expect(await ready()).toEqual({ status: 'ready' }));
      expect([await statusOf(gateway, SECRET.key), await statusOf(gateway, OTHER.key)]).toEqual([401, 200]);
    },
  );

  test('that becomes a pipe is not opened, so that the next file counts and SIGTERM ends the process', async () => {
    const file = writeKeysFile([SECRET]);
    // As Kubernetes mounts it.
    const link = `${file.path}.link`;
    symlinkSync(file.path, link);
    const { run, url } = await runServe({ API_KEYS_FILE: link, SHUTDOWN_DELAY_MS: '0' });
    const ready = async () => (await (await fetch(`${url}/readyz`)).json()) as { warnings?: string[] };
    const status = async ({ key }: Entry) => (await fetch(`${url}/metrics`, { headers: bearer(key) })).status;
    const becomePipe = async () => {
      execFileSync('mkfifo', [`${file.path}.pipe`]);
      renameSync(`${file.path}.pipe`, file.path);
      await soon(async () =>
        expect((await ready()).warnings).toEqual([
          expect.stringContaining(
            'API_KEYS_FILE is a pipe, not a regular file; the previous keys stay in use',
          ),
        ]),
      );
    };
    await becomePipe();
    expect(await status(SECRET)).toBe(200);
    file.replace([OTHER]);
    await soon(async () => expect(await ready()).toEqual({ status: 'ready' }));
    expect([await status(SECRET), await status(OTHER)]).toEqual([401, 200]);
    await becomePipe();
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    expect(run.output().stdout).toContain('the changed key file cannot be used');
  });

  test('that is a pipe at the start is a mistake by name', async () => {
    const { path } = writeKeysFile([SECRET]);
    const pipe = `${path}.pipe`;
    execFileSync('mkfifo', [pipe]);
    const run = runMain(['serve'], { API_KEYS_FILE: pipe });
    expect(await run.ended).toBe(78);
    expect(run.output().stderr).toContain(`API_KEYS_FILE "${pipe}" is a pipe, not a regular file\n`);
  });

  test(
    'replaced again and again under load: no request fails, and no key outlives its removal',
    EXHAUSTIVE,
    async () => {
      const REPLACEMENTS = IS_THOROUGH ? 100 : 10;
      const upstream = await startUpstream((response) => {
        response.setHeader('content-type', 'text/xml').end(success());
      });
      const gateway = await startKeyedGateway([SECRET], {
        ...upstreamAt(upstream.endpoint),
        MARKETO_MAX_CALLS_PER_20S: '100000',
        MARKETO_DAILY_CALLS: '1000000',
      });
      const entries = Array.from({ length: REPLACEMENTS }, (_, index): Entry => {
        const random = new Uint8Array(32).fill(index);
        return { ...SECRET, name: `key-${index}`, key: writeKey('secret', random.fill(0xaa, 16)) };
      });
      const over = new AbortController();
      const statuses = new Map<number, number>();
      const load = Array.from({ length: 4 }, async (_, worker) => {
        while (!over.signal.aborted) {
          const lead = { email: `load-${worker}@b.c` };
          const { status } = await gateway.putLead(lead, { headers: bearer(SECRET.key) });
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      });
      const outlived: string[] = [];
      for (const [index, entry] of entries.entries()) {
        gateway.file.replace([SECRET, entry]);
        await soon(async () => expect(await statusOf(gateway, entry.key)).toBe(200));
        const before = entries[index - 1];
        if (before && (await statusOf(gateway, before.key)) !== 401) outlived.push(before.name);
      }
      over.abort();
      await Promise.all(load);
      expect(outlived).toEqual([]);
      expect([...statuses.keys()]).toEqual([200]);
      const requests = [...statuses.values()].reduce((sum, count) => sum + count, 0);
      expect(requests).toBeGreaterThan(REPLACEMENTS);
    },
  );
});
