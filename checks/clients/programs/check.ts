/** What every client has to bring about. Types are checked where the client is called; this checks what came. */
export const gateway = process.env['GATEWAY'] ?? '';
export const email = `jane.${process.pid}.${Date.now()}@example.com`;

export function equal<T>(found: T, expected: NoInfer<T>, what: string): void {
  if (found !== expected) throw new Error(`${what}: ${String(found)} is not ${String(expected)}`);
}

export function done(): void {
  process.stdout.write('created, updated, refused\n');
}
