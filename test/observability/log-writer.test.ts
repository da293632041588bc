import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createLogWriter } from '../../src/observability/log-writer.ts';

function temporaryPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'log-writer-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'log');
}

function open(path: string, flags: string | number): number {
  const fd = openSync(path, flags);
  onTestFinished(() => closeSync(fd));
  return fd;
}

/** A pipe of which nothing is read but by `read`. */
function pipe() {
  const path = temporaryPath();
  execFileSync('mkfifo', [path]);
  const fd = open(path, constants.O_RDWR | constants.O_NONBLOCK);
  const buffer = Buffer.alloc(1_000_000);
  const read = () => {
    try {
      return buffer.toString('utf8', 0, readSync(fd, buffer));
    } catch (error) {
      // It is empty.
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return '';
      throw error;
    }
  };
  return { fd, read };
}

const ignore = () => {};

/** Longer than the few lines a pipe takes. */
const LINE = `${'x'.repeat(50_000)}\n`;

describe('a file', () => {
  test('gets every line once, in order', async () => {
    const path = temporaryPath();
    const writer = createLogWriter({ fd: open(path, 'a'), onRecovery: ignore });
    const lines = Array.from({ length: 2000 }, (_, line) => `{"ä":${line}}\n`);
    for (const line of lines.slice(0, 1000)) writer.write(line);
    await expect.poll(() => readFileSync(path, 'utf8')).toBe(lines.slice(0, 1000).join(''));
    for (const line of lines.slice(1000)) writer.write(line);
    await writer.end(60_000);
    expect(readFileSync(path, 'utf8')).toBe(lines.join(''));
    expect(writer.lost()).toBe(0);
  });

  test('gets the gathered lines of a process that ends at once', () => {
    const path = temporaryPath();
    const writer = createLogWriter({ fd: open(path, 'a'), onRecovery: ignore });
    writer.write('a\n');
    writer.write('b\n');
    writer.flushSync();
    writer.flushSync();
    expect(readFileSync(path, 'utf8')).toBe('a\nb\n');
  });

  test('gets the lines that come after the end when the process exits', async () => {
    const path = temporaryPath();
    const writer = createLogWriter({ fd: open(path, 'a'), onRecovery: ignore });
    await writer.end(60_000);
    writer.write('a\n');
    writer.flushSync();
    expect(readFileSync(path, 'utf8')).toBe('a\n');
  });

  test('on a full disk loses lines, also at the end', async () => {
    const writer = createLogWriter({ fd: open('/dev/full', 'w'), onRecovery: ignore });
    writer.write('a\n');
    writer.write('b\n');
    await expect.poll(writer.lost).toBe(2);
    writer.write('c\n');
    await writer.end(60_000);
    expect(writer.lost()).toBe(3);
    writer.write('d\n');
    writer.flushSync();
    expect(writer.lost()).toBe(4);
  });
});

describe('a pipe', () => {
  test('whose reader is slow gets all lines in the end', async () => {
    const { fd, read } = pipe();
    const writer = createLogWriter({ fd, onRecovery: ignore });
    for (let line = 0; line < 6; line += 1) writer.write(LINE);
    const end = writer.end(60_000);
    let text = '';
    await expect.poll(() => (text += read()), { interval: 10, timeout: 10_000 }).toBe(LINE.repeat(6));
    await end;
    expect(writer.lost()).toBe(0);
  });

  test('whose reader has stopped delays the exit only for as long as asked', async () => {
    const { fd } = pipe();
    const writer = createLogWriter({ fd, onRecovery: ignore });
    for (let line = 0; line < 6; line += 1) writer.write(LINE);
    await expect(writer.end(10)).resolves.toBeUndefined();
  });

  test('whose reader has stopped gets no more than the bound, and a number of lost lines when it reads again', async () => {
    const { fd, read } = pipe();
    const reported: number[] = [];
    const writer = createLogWriter({
      fd,
      maxWaitingBytes: 120_000,
      onRecovery: (lost) => reported.push(lost),
    });
    for (let line = 0; line < 4; line += 1) {
      writer.write(LINE);
      // Each line of its own, not gathered with the next.
      await new Promise((resolve) => setTimeout(resolve, 80));
    }
    await expect.poll(writer.lost).toBeGreaterThan(0);
    expect(reported).toEqual([]);
    await expect
      .poll(() => [read(), reported][1], { interval: 10, timeout: 10_000 })
      .toEqual([writer.lost()]);
  });
});
