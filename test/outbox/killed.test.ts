import { linkSync, symlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { outboxFile } from '../support/outbox.ts';
import { runMain, runServe } from '../support/process.ts';
import { startTestSandbox } from '../support/sandbox.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const LEADS = 200;

test(
  'what was accepted is delivered after kill -9, and a second process is told whose the file is',
  EXHAUSTIVE,
  async () => {
    const sandbox = await startTestSandbox();
    const env = {
      ...(sandbox.env as Record<string, string>),
      PORT: '0',
      LOG_LEVEL: 'silent',
      OUTBOX_URL: `file:${outboxFile()}`,
    };
    const start = async () => {
      const run = runMain(['serve'], env);
      const [, url = ''] = await run.waitFor(/listens on (http:\S+)/);
      return { ...run, url };
    };
    const first = await start();
    const accept = async (index: number) => {
      const response = await fetch(`${first.url}/leads`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json', prefer: 'respond-async' },
        body: JSON.stringify({ email: `lead-${index}@example.com` }),
      });
      expect(response.status).toBe(202);
      return ((await response.json()) as { receipt: string }).receipt;
    };
    const receipts = await Promise.all(Array.from({ length: LEADS }, (_, index) => accept(index)));
    const second = runMain(['serve'], env);
    expect(await second.ended).toBe(78);
    expect(second.output().stderr).toMatch(/in use by another process/);
    first.child.kill('SIGKILL');
    await first.ended;

    const { url } = await start();
    const stateOf = async (receipt: string) => {
      const response = await fetch(url + receipt);
      return ((await response.json()) as { state: string }).state;
    };
    await expect
      .poll(async () => new Set(await Promise.all(receipts.map(stateOf))))
      .toEqual(new Set(['delivered']));
    const emails = new Set((await sandbox.leads()).map(({ email }) => email));
    expect(emails.size).toBe(LEADS);
  },
);

test('a second process is told whose the file is, by whichever name it has it', async () => {
  const file = outboxFile();
  const [link, hardLink] = [`${file}.link`, `${file}.hard`];
  // Links of a file that the first process has yet to make.
  symlinkSync('outbox.db', link);
  await runServe({ OUTBOX_URL: `file:${link}` });
  const ends = async (path: string, args: string[], words: string) => {
    const second = runMain(args, {
      HOST: '127.0.0.1',
      PORT: '1',
      SANDBOX_PORT: '0',
      OUTBOX_URL: `file:${path}`,
    });
    expect(await second.ended).toBe(78);
    expect(second.output().stderr).toContain(words);
  };
  await ends(file, ['serve'], `${file} is in use by another process`);
  await ends(file, ['outbox', 'status'], `${file} is in use by another process`);
  linkSync(file, hardLink);
  await ends(hardLink, ['serve'], `${hardLink} has 2 names (hard links)`);
});
