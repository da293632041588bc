import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isPlaceholder, isPlaceholderAddress } from '../../src/leads/placeholder.ts';
import { fuzz } from '../support/fuzz.ts';

describe('a placeholder', () => {
  test.each([
    ['JavaScript', ['undefined', 'null', 'NaN', '[object Object]', '[object Undefined]', 'Invalid Date']],
    ['Python', ['None', 'nan', 'NaT', '<NA>', '[]', '{}', "{'id': 1}"]],
    ['PHP', ['Array', 'NULL', 'false']],
    ['Java', ['null', 'Optional.empty', 'java.lang.Object@1b2c3d', '[Ljava.lang.String;@6d06d69c']],
    [
      'C#',
      ['System.Object', 'System.String[]', 'System.Collections.Generic.List`1[System.String]', 'DBNull'],
    ],
    ['Go', ['<nil>', '%!s(<nil>)', '%!v(MISSING)', 'map[]', '<no value>']],
    ['Ruby', ['nil', '#<Object:0x000001>']],
    ['Swift and Objective-C', ['(null)', 'Optional(nil)']],
    ['SQL', ['NULL', '\\N', '[NULL]', '(NULL)']],
    ['R', ['NA', 'N/A', 'n.a.']],
    ['Excel', ['#N/A', '#REF!', '#VALUE!', '#NAME?', '#DIV/0!', '#NULL!']],
    ['UUIDs', ['00000000-0000-0000-0000-000000000000', '{00000000-0000-0000-0000-000000000000}']],
    ['reports', ['(not set)', '(none)', '-', '--', '?', '...']],
    ['C++', ['nullptr']],
    ['Rust', ['Some(None)']],
    ['samples and forms', ['string', 'unknown', 'changeme', 'change_me', 'TODO', 'YOUR_ID', 'your id']],
    ['words written in another way', ['not-set', 'NotSet', 'not_available', 'undefinedundefined']],
    ['template signs of other makers', ['##id##', '$$id$$', '__id__', '&lt;nil&gt;', '#ERROR!']],
    ['a UUID without its hyphens', ['00000000000000000000000000000000']],
    ['nothing that can be seen', [' ', '\t\n', '\u00A0', '\u200B', '\uFEFF']],
    [
      'templates',
      [
        '{{id}}',
        '{{ lead.Id }}',
        '{{{id}}}',
        '{id}',
        '{0}',
        '${id}',
        '#{id}',
        '@{triggerBody()}',
        '{!Contact.Id}',
        '{% id %}',
        '<%= id %>',
        '%%id%%',
        '%id%',
        '%s',
        '[[id]]',
        '[id]',
        '<id>',
        '*|ID|*',
        '$(id)',
        '$id',
        'crm-{{id}}',
        '${tenant}/42',
        '%7B%7Bid%7D%7D',
      ],
    ],
    ['several of them', ['undefined-undefined', 'null null', 'null@null', 'undefined_null']],
    ['quotes around one', ['"null"', "'undefined'", '`nil`', '“None”']],
  ])('is what comes of no value in %s', (_where, texts) => {
    expect(texts.filter((text) => !isPlaceholder(text))).toEqual([]);
  });

  test('is one in any case and with blanks around it', () => {
    const words = fc.constantFrom('undefined', 'null', 'nan', 'none', 'nil', 'n/a', '[object object]');
    const blanks = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\u00A0', '\u200B'), maxLength: 5 });
    const anyCase = words.chain((word) =>
      fc
        .array(fc.boolean(), { minLength: word.length, maxLength: word.length })
        .map((upper) => Array.from(word, (c, at) => (upper[at] ? c.toUpperCase() : c)).join('')),
    );
    fc.assert(
      fc.property(blanks, anyCase, blanks, (before, word, after) => {
        expect(isPlaceholder(before + word + after)).toBe(true);
      }),
      fuzz(20),
    );
  });

  test.each([
    'Null-42',
    'None of the above Ltd',
    'Nan Li',
    'Nilsson',
    '003A000001abc',
    '0035x00001AbCdE',
    '0',
    '42',
    '#123',
    '50%',
    'a%b%c',
    'jane.doe@cafe',
    'system.admin',
    'true-story',
    'undefined behaviour',
    'yourdon',
    'string-theory',
    'todorov',
    '{6F9619FF-8B86-D011-B42D-00CF4FC964FF}',
    '6F9619FF-8B86-D011-B42D-00CF4FC964FF',
    'A{1}',
    'C++ <3',
    'ООО «Ромашка»',
    '山田',
  ])('is not a real id such as %s', (id) => {
    expect(isPlaceholder(id)).toBe(false);
  });
});

describe('an address', () => {
  test.each([
    'undefined@undefined',
    'null@null',
    'Undefined@Example.com',
    'null@example.com',
    'undefined.undefined@example.com',
    'null_null@example.com',
    'jane@undefined',
    'jane@null',
    'none@none.com',
    'na@na',
    'nan@nan.com',
    'none.none@none.com',
    'jane@undefined.undefined',
    'nullnull@example.com',
    'null+null@example.com',
    'unknown@unknown.com',
    '{{email}}@example.com',
    '${user}@example.com',
    '%%user%%@example.com',
    '*|EMAIL|*@example.com',
  ])('is a placeholder: %s', (address) => {
    expect(isPlaceholderAddress(address)).toBe(true);
  });

  // Nan and Nil are names of people, none and na of mailboxes.
  test.each([
    'jane@example.com',
    'nan@example.com',
    'nil.patel@example.com',
    'na@example.com',
    'none@example.com',
    'jane.null@example.com',
    'nullmann@example.com',
    'jane@null.example',
    'jane@unknown.com',
    'missing@example.com',
    'a{b}@example.com',
    'jane+%s@example.com',
  ])('is an address: %s', (address) => {
    expect(isPlaceholderAddress(address)).toBe(false);
  });
});
