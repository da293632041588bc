/** Commands that read the sandbox's REST face. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { TestSandbox } from './sandbox.ts';

/** Environment variables that make the sandbox's REST face a gateway's upstream. */
export function restEnv({ url }: Pick<TestSandbox, 'url'>): Record<string, string> {
  return {
    MARKETO_REST_ENDPOINT: `${url}/rest`,
    MARKETO_CLIENT_ID: 'sandbox',
    MARKETO_CLIENT_SECRET: 'sandbox-client-secret',
  };
}

/** The path of a file in a folder of the test's own; it has the lines, if any are given. */
export function fileOf(name: string, lines?: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'lead-gateway-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, name);
  if (lines !== undefined) writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}
