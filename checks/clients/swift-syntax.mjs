// Parses the Swift program of the quickstart, since Debian has no compiler for it:
//   node checks/clients/swift-syntax.mjs FOLDER      where npm has installed web-tree-sitter and tree-sitter-wasms
// Ends with exit code 1 when it is not Swift.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [folder] = process.argv.slice(2);
const require = createRequire(join(resolve(folder), 'index.js'));
const Parser = require('web-tree-sitter');
await Parser.init();
const parser = new Parser();
parser.setLanguage(
  await Parser.Language.load(require.resolve('tree-sitter-wasms/out/tree-sitter-swift.wasm')),
);

const hasError = (text) => parser.parse(text).rootNode.hasError();
const example = readFileSync(new URL('../../examples/swift/lead.swift', import.meta.url), 'utf8');
const page = readFileSync(new URL('../../docs/quickstarts/swift.md', import.meta.url), 'utf8');
assert.ok(page.includes(`\`\`\`swift\n${example}\`\`\``), 'the quickstart has another program than examples');
assert.ok(hasError(`${example}}`), 'a brace too many is not noticed');
assert.ok(!hasError(example), 'examples/swift/lead.swift is not Swift');
console.log('the Swift program is well-formed');
