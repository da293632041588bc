import { expect, test } from 'vitest';
import { describeError } from '../../src/observability/logger.ts';
import { prettyLine } from '../../src/observability/pretty-line.ts';

const entry = {
  level: 'info',
  time: '2026-01-02T03:04:05.678Z',
  route: '/leads',
  status: 201,
  msg: 'request answered',
};

test('time, level, message and fields stand in one line', () => {
  const fields = { ...entry, caller: 'back end', route: null };
  expect(prettyLine(JSON.stringify(fields), false)).toBe(
    '03:04:05.678 INFO  request answered route=null status=201 caller="back end"\n',
  );
});

test('colours are there when they are wanted', () => {
  const coloured = prettyLine(JSON.stringify(entry), true);
  expect(coloured).toContain('\u001b[32mINFO \u001b[0m');
  // oxlint-disable-next-line no-control-regex -- colours are what it takes out
  expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(prettyLine(JSON.stringify(entry), false));
});

test('a value cannot write to the terminal', () => {
  expect(prettyLine(JSON.stringify({ ...entry, name: 'a\u001b[2Jb\nc' }), false)).toContain(
    'name="a\\u001b[2Jb\\nc"\n',
  );
});

test('an error follows with its causes, and without their messages', () => {
  const err = describeError(new Error('jane@example.com', { cause: new RangeError('jane') }));
  const lines = prettyLine(JSON.stringify({ ...entry, level: 'error', err }), false).split('\n');
  expect(lines[1]).toBe('  name=Error');
  expect(lines[2]).toMatch(/^ {4}at .*pretty-line\.test\.ts/);
  expect(lines).toContain('  caused by');
  expect(lines).toContain('  name=RangeError');
  expect(lines.join('')).not.toContain('jane');
});
