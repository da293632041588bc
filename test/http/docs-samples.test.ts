import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyCharacter, fuzz } from '../support/fuzz.ts';

type Request = {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body?: string;
};

const { LANGUAGES } = (await import(new URL('../../assets/docs/samples.js', import.meta.url).href)) as {
  readonly LANGUAGES: readonly { readonly id: string; readonly write: (request: Request) => string }[];
};

const write = (id: string, request: Request) =>
  LANGUAGES.find((language) => language.id === id)!.write(request);

const SPECIAL = [
  "'",
  '"',
  '`',
  '\\',
  '$',
  '@',
  '{',
  '}',
  '%',
  '!',
  '#',
  '\n',
  '‘',
  '’',
  '“',
  '”',
  '${',
  "'@",
  '"""',
  'é',
];

/** Text as a form can hold it: with every kind of quote, line break and sign that languages hold for their own. */
const text = fc
  .array(fc.oneof(fc.constantFrom(...SPECIAL), fc.string({ unit: anyCharacter })))
  .map((parts) => parts.join('').replaceAll(/\r\n?/g, '\n'));

const request = (body: string): Request => ({
  method: 'PUT',
  url: "https://gw.example/it's/leads",
  headers: [
    ['Authorization', "Bearer it's \\ ${x}"],
    ['Content-Type', 'application/json'],
  ],
  body,
});

describe('a code sample holds the request as it stands in the form', () => {
  test('in JavaScript, when it is run', () => {
    fc.assert(
      fc.property(text, (body) => {
        let sent: unknown[] = [];
        const fetch = (...args: unknown[]) => {
          sent = args;
          return Promise.race([]);
        };
        const given = request(body);
        runInNewContext(write('javascript', given), { fetch });
        const { url, method, headers } = given;
        expect(JSON.parse(JSON.stringify(sent))).toEqual([
          url,
          { method, headers: Object.fromEntries(headers), body },
        ]);
      }),
      fuzz(20),
    );
  });

  /** What stands between quotes, as the language reads it, and what in it stands for a quote. */
  const READERS: readonly [string, RegExp, (literal: string) => string][] = [
    ['curl', /--data-raw '((?:[^']|'\\'')*)'$/, (literal) => literal.replaceAll("'\\''", "'")],
    [
      'powershell',
      /UTF8\.GetBytes\('((?:[^'‘’‚‛]|['‘’‚‛]{2})*)'\)\n/,
      (literal) => literal.replaceAll(/(['‘’‚‛])['‘’‚‛]/g, '$1'),
    ],
    ['php', /'content' => '((?:[^\\']|\\.)*)',\n/s, (literal) => literal.replaceAll(/\\([\\'])/g, '$1')],
    [
      'python',
      /data=(?:'''|')((?:[^\\']|\\.)*?)(?:'''|')\.encode\(\)/s,
      (literal) => literal.replaceAll(/\\(.)/gs, '$1'),
    ],
    ['csharp', /StringContent\(@?"((?:[^"]|"")*)", /, (literal) => literal.replaceAll('""', '"')],
  ];

  test.each(READERS)('in %s, as the language reads it', (id, pattern, read) => {
    fc.assert(
      fc.property(text, (body) => {
        const [, literal] = pattern.exec(write(id, request(body))) ?? [];
        expect(literal === undefined ? undefined : read(literal)).toBe(body);
      }),
      fuzz(20),
    );
  });

  test.each(LANGUAGES.map(({ id }) => id))('in %s without a body and headers, too', (id) => {
    const sample = write(id, { method: 'GET', url: 'http://127.0.0.1:8080/healthz', headers: [] });
    expect(sample).toContain('http://127.0.0.1:8080/healthz');
    expect(sample).not.toMatch(/undefined|headers|data=|content' =>|Body =/);
  });
});
