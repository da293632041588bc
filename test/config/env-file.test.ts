import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { withEnvFiles } from '../../src/config/files.ts';
import { decodeText } from '../../src/text/text-file.ts';

function read(text: string | Uint8Array, own: Record<string, string> = {}) {
  return withEnvFiles(own, ['.env'], () => decodeText(Buffer.from(text)));
}

test('a file gives variables, as Node reads it', () => {
  const { env, origins, mistakes } = read(
    [
      '# a comment',
      '',
      'PORT=9000',
      'export LOG_LEVEL = warn  # louder',
      "MARKETO_ENCRYPTION_KEY='a#b c'",
      'JWT_AUDIENCE="two words"',
      'TEXT="line one\nline two"',
      'EMPTY=',
      '  HOST=127.0.0.1',
    ].join('\n'),
  );
  expect(mistakes).toEqual([]);
  expect(env).toEqual({
    PORT: '9000',
    LOG_LEVEL: 'warn',
    MARKETO_ENCRYPTION_KEY: 'a#b c',
    JWT_AUDIENCE: 'two words',
    TEXT: 'line one\nline two',
    EMPTY: '',
    HOST: '127.0.0.1',
  });
  expect(origins.get('PORT')).toBe('.env');
});

test('the environment wins, an empty variable of it does not', () => {
  const { env, origins } = read('PORT=9000\nHOST=::1\n', { PORT: '1', HOST: '' });
  expect(env).toEqual({ PORT: '1', HOST: '::1' });
  expect([...origins.keys()]).toEqual(['HOST']);
});

test('a later file wins over an earlier one', () => {
  const { env, origins } = withEnvFiles({}, ['a', 'b'], (path) => `PORT=${path === 'a' ? 1 : 2}\n`);
  expect([env['PORT'], origins.get('PORT')]).toEqual(['2', 'b']);
});

test.each<[string, string | Uint8Array]>([
  ['a byte order mark', '\uFEFFPORT=9000\nHOST=::1\n'],
  ['line ends of Windows', 'PORT=9000\r\nHOST=::1\r\n'],
  ['line ends of old Macs', 'PORT=9000\rHOST=::1\r'],
  ['no line end at its end', 'PORT=9000\nHOST=::1'],
])('%s does no harm', (_what, text) => {
  const { env, mistakes } = read(text);
  expect([env, mistakes]).toEqual([{ PORT: '9000', HOST: '::1' }, []]);
});

describe('is refused with the number of the line', () => {
  test.each<[string, string, RegExp]>([
    ['a colon', 'A=1\nPORT: 9000', /^\.env, line 2: is not NAME=value; write PORT=value$/],
    ['a blank for the =', 'PORT 9000', /line 1: .*write PORT=value/],
    ['a command of cmd', 'set PORT 9000', /write PORT=value/],
    ['a quoted command of cmd', 'set "MY_KEY=9000"', /is a command, not NAME=value; write MY_KEY=value/],
    ['a command of cmd without quotes', 'SET PORT=9000', /write PORT=value/],
    ['a lasting command of cmd', 'setx /m PORT 9000', /write PORT=value/],
    ['a variable of PowerShell', '$env:PORT=9000', /write PORT=value/],
    ['another spelling of PowerShell', "${Env:PORT} = '9000'", /write PORT=value/],
    ['a command of csh', 'setenv PORT 9000', /write PORT=value/],
    ['a quoted export', 'export "PORT=9000"', /write PORT=value/],
    ['a list of YAML', '- PORT=9000', /write PORT=value/],
    ['a member of JSON', '"PORT": "9000",', /is not NAME=value; write PORT=value/],
    ['an option of docker', '-e PORT=9000', /write PORT=value/],
    ['a secret alone', 'abcDEF9000', /is not NAME=value$/],
    ['a section', '[gateway]', /line 1: is not NAME=value/],
    ['a quote without its other', "A='1'\nKEY=\"abc\nB=2", /line 2: KEY begins with a quote/],
    ['a # in a bare value', 'KEY=abc#def', /line 1: KEY has a # .*single quotes/],
    ['a name twice', 'PORT=1\n\nPORT=2', /line 3: PORT is already on line 1/],
    ['a line after a value over lines', 'A="1\n2"\noops', /line 3: is not NAME=value/],
  ])('%s', (_what, text, words) => {
    expect(read(text).mistakes[0]).toMatch(words);
    expect(read(text).mistakes.join()).not.toMatch(/abc|9000/);
  });
});

test('a file that cannot be read, or is in UTF-16, is named', () => {
  const missing = withEnvFiles({}, ['nope.env'], () => {
    throw Object.assign(new Error('no'), { code: 'ENOENT' });
  });
  expect(missing.mistakes).toEqual(['--env-file "nope.env" does not exist (ENOENT)']);
  expect(read(Buffer.from('\uFEFFPORT=1\r\n', 'utf16le'))).toMatchObject({ env: {} });
  const utf16 = withEnvFiles({}, ['.env'], () => decodeText(Buffer.from('\uFEFFPORT=1\r\n', 'utf16le')));
  expect(utf16.mistakes).toEqual(['--env-file ".env" is in UTF-16; save it as UTF-8']);
});

test('whatever is taken without a word is what Node takes', () => {
  const line = fc.stringMatching(/^[A-C]{1,2} ?= ?["'`]?[a-z #="'`]{0,6}["'`]?( #.*)?$/);
  const text = fc
    .array(fc.oneof(line, fc.constant('# note'), fc.constant('')), { maxLength: 5 })
    .map((lines) => lines.join('\n'));
  const differs = fc.sample(text, { seed: 1, numRuns: 2000 }).filter((sample) => {
    // Node 24 runs on into the next line there.
    if (/= +$/m.test(sample)) return false;
    const { env, mistakes } = read(sample);
    return mistakes.length === 0 && JSON.stringify(sorted(env)) !== JSON.stringify(sorted(parseEnv(sample)));
  });
  expect(differs).toEqual([]);
});

function sorted(env: object): unknown {
  return Object.entries(env).toSorted(([one], [other]) => (one < other ? -1 : 1));
}
