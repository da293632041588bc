import { describe, expect, test } from 'vitest';
import { createLogger, describeError, type LogLevel, REDACTED } from '../../src/observability/logger.ts';

function recorder(level: LogLevel = 'info') {
  const lines: string[] = [];
  const logger = createLogger({ level, destination: { write: (line) => lines.push(line) } });
  return { logger, lines, entries: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('createLogger', () => {
  test('writes one JSON object a line, with the level as a word and the time in UTC', () => {
    const { logger, lines, entries } = recorder();
    logger.info({ requestId: 'a' }, 'request answered');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/\}\n$/);
    expect(entries()[0]).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      requestId: 'a',
      msg: 'request answered',
    });
  });

  test('leaves out what is below its level', () => {
    const { logger, lines } = recorder('warn');
    logger.info({}, 'no');
    logger.warn({}, 'yes');
    expect(lines).toHaveLength(1);
  });

  test.each(REDACTED)('never shows a field named %s', (name) => {
    const { logger, lines } = recorder();
    logger.info({ [name]: 's3cret', inner: { [name]: { deep: 's3cret' } } }, 'a mistake');
    expect(lines.join('')).not.toContain('s3cret');
  });
});

describe('describeError', () => {
  test('keeps name, code, frames and causes, and no message', () => {
    const cause = Object.assign(new RangeError('jane@example.com\n    at jane'), { code: 'ERR_X' });
    const described = describeError(new TypeError('jane@example.com', { cause })) as Record<string, unknown>;
    expect(described).toMatchObject({ name: 'TypeError', cause: { name: 'RangeError', code: 'ERR_X' } });
    expect((described['stack'] as string[])[0]).toMatch(/^at .*logger\.test\.ts/);
    expect(JSON.stringify(described)).not.toContain('jane');
  });

  test("keeps the operating system's own message", () => {
    const error = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { syscall: 'connect' });
    expect(describeError(error)).toMatchObject({ message: 'connect ECONNREFUSED 127.0.0.1:1' });
  });

  test('copes with what is no error, with a circle of causes and with an error without a stack', () => {
    expect(describeError('jane')).toEqual({ name: 'string' });
    const circle = new Error('a');
    circle.cause = circle;
    expect(JSON.stringify(describeError(circle)).match(/"cause"/g)).toHaveLength(5);
    const bare = new Error('a');
    delete bare.stack;
    expect(describeError(bare)).toEqual({ name: 'Error', stack: [] });
  });
});
