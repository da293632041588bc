import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { SECRETS } from './recordings.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    recordings: string;
  }
}

/** One expression each, read once over all of a file: line by line they took seconds at the end of a run. */
const LEAKS: readonly RegExp[] = [
  // A signature (lower-case hex of an HMAC-SHA1), or the SHA-256 of a key or token.
  /\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b/i,
  // A caller's key, or a token.
  /\blg[spw]_[0-9A-Za-z]{20,}|\beyJ[\w-]{10,}\.[\w-]+\./i,
  new RegExp(
    SECRETS.map((secret) => secret.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`)).join('|'),
    'i',
  ),
];

/**
 * Collects what every test records (log lines, responses, what processes print) and, when all tests have run, fails the
 * run if a secret or a signature stands in any of it.
 */
export function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'lead-gateway-test-'));
  project.provide('recordings', folder);
  return () => {
    const texts = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
    const leaks = texts.flatMap(leaksIn);
    const lines = texts.reduce((sum, text) => sum + text.split('\n').length, 0);
    rmSync(folder, { recursive: true });
    process.stdout.write(`leak watch: ${lines} recorded lines, ${leaks.length} with a secret\n`);
    if (leaks.length === 0) return;
    // An error thrown here would be printed and forgotten: the run would still end with 0.
    process.exitCode = 1;
    process.stderr.write(`secrets in what the gateway said:\n${leaks.join('\n')}\n`);
  };
}

function leaksIn(text: string): string[] {
  if (!LEAKS.some((leak) => leak.test(text))) return [];
  return text
    .split('\n')
    .filter((line) => LEAKS.some((leak) => leak.test(line)))
    .map((line) => line.slice(0, 400));
}
