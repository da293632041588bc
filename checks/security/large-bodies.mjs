// Bodies of 1 MiB that take long to read, to check or to refuse.
import { PassThrough } from 'node:stream';
import { createBodyMemory } from '../../dist/http/body-memory.js';
import { toUpsertLead } from '../../dist/http/leads/mapping.js';
import { invalidLead, toProblem } from '../../dist/http/problems/problem.js';
import { readJsonBody } from '../../dist/http/request-body.js';

const MAX = 1_048_576;

/** As many units as fit between two texts. */
function fill(before, unit, after) {
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
  'a valid lead': attributes(each(1000, (index) => `"a${index}":"${'<'.repeat(1030)}"`)),
};

/** As they arrive: encoding them is the client's work. */
export const BODIES = Object.fromEntries(
  Object.entries(TEXTS).map(([name, text]) => [name, Buffer.from(text)]),
);

const read = readJsonBody(createBodyMemory(Infinity, performance.now.bind(performance)));

/** Reads and checks a body as `PUT /leads` does, and writes the problem if there is one. */
export function measureBody(body) {
  const req = new PassThrough();
  const headers = { 'content-type': 'application/json', 'content-length': `${body.length}` };
  Object.assign(req, { headers, rawHeaders: [] });
  const res = { locals: { caller: undefined, onFinish: undefined }, once() {} };
  return new Promise((resolve) => {
    read(req, res, (failure) => {
      const parsed = failure === undefined ? toUpsertLead(req.body) : undefined;
      const problem = failure ?? (parsed.ok ? undefined : invalidLead(parsed.errors, parsed.count));
      if (problem !== undefined) JSON.stringify(toProblem(problem, 'id', 'http://localhost'));
      resolve();
    });
    req.end(body);
  });
}
