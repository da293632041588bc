// Bodies of 1 MiB that take long to read, to check or to refuse.
export const MAX = 1_048_576;

/** As many units as fit between two texts. */
export function fill(before, unit, after) {
  const parts = [before];
  let size = Buffer.byteLength(before) + Buffer.byteLength(after);
  for (let index = 0; ; index += 1) {
    const part = typeof unit === 'string' ? unit : unit(index);
    size += Buffer.byteLength(part);
    if (size > MAX) break;
    parts.push(part);
  }
  return [...parts, after].join('');
}

const nested = (open, inside, close) => {
  const depth = Math.floor((MAX - inside.length) / (open.length + close.length));
  return open.repeat(depth) + inside + close.repeat(depth);
};
const each = (count, write) => Array.from({ length: count }, (_, index) => write(index)).join(',');
const attributes = (text) => `{"email":"a@b.c","attributes":{${text}}}`;

const TEXTS = {
  'open lists': '['.repeat(MAX),
  'nested lists': nested('[', '', ']'),
  'nested objects': nested('{"a":', '1', '}'),
  'nested __proto__': nested('{"__proto__":', '1', '}'),
  'unknown members': fill('{', (index) => `"a${index}":1,`, '"id":1}'),
  'one member, again and again': fill('{', '"email":"a@b.c",', '"id":1}'),
  'cut off': fill('{', (index) => `"a${index}":1,`, ''),
  'ends in a comma': fill('{', (index) => `"a${index}":1,`, '}'),
  'a list of numbers': fill('[', '1e308,', '1]'),
  'a list of objects': fill('[', '{},', '{}]'),
  'a list of strings': fill('[', '"",', '""]'),
  'a long number': `[${'1'.repeat(MAX - 2)}]`,
  escapes: fill('{"email":"', String.raw`\u0041`, '"}'),
  'a long name': fill('{"', 'é', '":1}'),
  'names of 5000': fill('{', (index) => `"${'é'.repeat(5000)}${index}":1,`, '"id":1}'),
  'names of 500': fill('{', (index) => `"${'é'.repeat(500)}${index}":1,`, '"id":1}'),
  'attributes that are objects': fill(attributes('').slice(0, -2), (index) => `"a${index}":{},`, '"z":{}}}'),
  '999 invalid attributes': attributes(each(999, (index) => `"a${index}":{"x":[1,2,3]}`)),
  'control characters': attributes(each(16, (index) => `"a${index}":"${String.raw`\u0001`.repeat(10_900)}"`)),
  'long names of attributes': attributes(each(999, (index) => `"${'é'.repeat(500)}${index}":{}`)),
  'names of 290': attributes(each(999, (index) => `"${'é'.repeat(290)}${index}":{}`)),
  'a long list': fill('{"attributeList":[', (index) => `{"name":"a${index}","value":1},`, '{}]}'),
  'empty elements': fill('{"attributeList":[', '{},', '{}]}'),
  'elements with other members': `{"attributeList":[${each(1000, () => `{${each(80, (index) => `"m${index}":1`)}}`)}]}`,
  '1000 elements with one other member': `{"attributeList":[${each(1000, (index) => `{"name":"a${index}","value":[],"x":{}}`)}]}`,
  'misspelt members': `{${each(1200, (index) => `"atributelist${index}":1`)},${'"x":"y"'.padEnd(20_000)}}`,
  'a long address': fill('{"email":"', 'a', '"}'),
  'an address of labels': fill('{"email":"a@', 'a.', '"}'),
  'an address of hyphens': fill('{"email":"a@', `a${'-'.repeat(60)}`, '"}'),
  'a long cookie': fill('{"marketoCookie":"', '%41', '"}'),
  'a long foreign id': fill('{"foreignSysType":"SFDC","foreignSysPersonId":"', '{', '"}'),
  emoji: fill('{"email":"a@b.c","workspace":"', '😀', '"}'),
  blanks: ' '.repeat(MAX),
  'line breaks': `${'\n'.repeat(MAX - 1)}x`,
  'blanks that JSON does not know': '\u3000'.repeat(MAX / 3),
  'control characters at the end': attributes(
    each(16, (index) => `"a${index}":"${'x'.repeat(65_400)}${String.raw`\u0001`}"`),
  ),
  'half a pair at the end': attributes(
    each(7, (index) => `"a${index}":"${'中'.repeat(49_000)}${String.raw`\ud800`}"`),
  ),
  'one name in all elements': `{"id":1,"attributeList":[${each(1000, () => `{"name":"${'é'.repeat(250)}","value":1}`)}]}`,
  'elements with long names': `{"id":1,"attributeList":[${each(1000, () => `{"name":"${'é'.repeat(490)}","value":[]}`)}]}`,
  'elements that are not objects': `{"id":1,"attributeList":[${each(1000, () => `"${'é'.repeat(500)}"`)}]}`,
  'members of elements': `{"id":1,"attributeList":[${each(100, () => `{${each(45, (index) => `"${'é'.repeat(50)}${index}":1`)}}`)}]}`,
  '4900 unknown members': `{${each(4900, (index) => `"${'é'.repeat(95)}${index}":1`)}}`,
  'names of tildes': attributes(each(999, (index) => `"${'~/'.repeat(125)}${index}":{}`)),
  'names like members': `{${each(4900, (index) => `"emailaddres_${'-_.'.repeat(60)}${index}":1`)}}`,
  'a foreign id of half pairs': fill(
    '{"foreignSysType":"SFDC","foreignSysPersonId":"',
    String.raw`\ud800`,
    '"}',
  ),
  'numbers of many digits': attributes(each(1000, (index) => `"a${index}":0.${'1'.repeat(1030)}`)),
  'lists in an attribute': `{"id":1,"attributes":{"a":${'['.repeat(4900)}"${'x'.repeat(1_000_000)}"${']'.repeat(4900)}}}`,
  'a valid lead': attributes(each(1000, (index) => `"a${index}":"${'x'.repeat(1030)}"`)),
  'a valid lead of markup': attributes(each(1000, (index) => `"a${index}":"${'<'.repeat(1030)}"`)),
  'a valid lead of carriage returns': attributes(
    each(16, (index) => `"a${index}":"${String.raw`\r`.repeat(32_000)}"`),
  ),
  'a valid lead of quotes': attributes(each(16, (index) => `"a${index}":"${String.raw`\"`.repeat(32_000)}"`)),
  'a valid lead of emoji': attributes(each(4, (index) => `"a${index}":"${'😀'.repeat(65_000)}"`)),
  'a valid lead of letters': attributes(
    each(1000, (index) => `"${'é'.repeat(250)}${index}":"${'é<'.repeat(170)}"`),
  ),
};

/** As they arrive: encoding them is the client's work. */
export const BODIES = {
  ...Object.fromEntries(Object.entries(TEXTS).map(([name, text]) => [name, Buffer.from(text)])),
  'not UTF-8 at the end': Buffer.concat([Buffer.alloc(MAX - 1, '中'), Buffer.of(0xff)]),
};

for (const [name, { length }] of Object.entries(BODIES))
  if (length > MAX) throw new Error(`${name} has ${length} bytes`);
