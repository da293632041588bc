import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';

/** Keeps what the gateway said for the leak watch at the end of the run. */
export function record(text: string): void {
  appendFileSync(join(inject('recordings'), `${process.pid}.txt`), `${text}\n`);
}
