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

/** A signature: lower-case hex of an HMAC-SHA1. */
const SIGNATURE = /\b[0-9a-f]{40}\b/i;
/** A caller's key, a token, or the SHA-256 of either. */
const CREDENTIAL = /\blg[spw]_[0-9A-Za-z]{20,}|\beyJ[\w-]{10,}\.[\w-]+\.|\b[0-9a-f]{64}\b/i;

/**
 * Collects what every test records (log lines, responses, what processes print) and, when all tests have run, fails the
 * run if a secret or a signature stands in any of it.
 */
export function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'lead-gateway-test-'));
  project.provide('recordings', folder);
  return () => {
    const files = readdirSync(folder);
    const leaks = files.flatMap((file) => leaksIn(readFileSync(join(folder, file), 'utf8')));
    const lines = files.reduce(
      (sum, file) => sum + readFileSync(join(folder, file), 'utf8').split('\n').length,
      0,
    );
    rmSync(folder, { recursive: true });
    process.stdout.write(`leak watch: ${lines} recorded lines, ${leaks.length} with a secret\n`);
    if (leaks.length === 0) return;
    // An error thrown here would be printed and forgotten: the run would still end with 0.
    process.exitCode = 1;
    process.stderr.write(`secrets in what the gateway said:\n${leaks.join('\n')}\n`);
  };
}

function leaksIn(text: string): string[] {
  return text
    .split('\n')
    .filter(
      (line) =>
        SIGNATURE.test(line) ||
        CREDENTIAL.test(line) ||
        SECRETS.some((secret) => line.toLowerCase().includes(secret)),
    )
    .map((line) => line.slice(0, 400));
}
