// newman runs the committed collection against the gateway, and openapi-to-postmanv2 imports the documents.
//   node checks/clients/postman.mjs <folder with both in node_modules>
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { startDemo } from '../processes.mjs';

const [folder] = process.argv.slice(2);
assert.ok(folder, 'the first argument is a folder with the tools');
const require = createRequire(join(resolve(folder), 'package.json'));
const newman = require('newman');
const converter = require('openapi-to-postmanv2');

function runCollection(url) {
  return new Promise((done, fail) => {
    newman.run(
      {
        collection: resolve('openapi/postman/lead-gateway.postman_collection.json'),
        envVar: [{ key: 'baseUrl', value: url }],
        reporters: 'cli',
        reporterOptions: { cli: { noBanner: true, silent: false } },
        color: 'off',
      },
      (error, summary) => (error ? fail(error) : done(summary)),
    );
  });
}

async function importDocument(name) {
  const data = readFileSync(resolve('openapi', name), 'utf8');
  const result = await new Promise((done, fail) => {
    converter.convertV2({ type: 'string', data }, {}, (error, found) => (error ? fail(error) : done(found)));
  });
  assert.ok(result.result, `${name}: ${result.reason}`);
  const requests = (items) =>
    items.flatMap((item) => (item.item ? requests(item.item) : [item.request.method]));
  const { paths } = JSON.parse(data);
  const expected = Object.values(paths).flatMap((methods) =>
    Object.keys(methods).map((method) => method.toUpperCase()),
  );
  const found = requests(result.output[0].data.item);
  assert.deepEqual(found.toSorted(), expected.toSorted(), `${name}: every operation becomes a request`);
  process.stdout.write(`${name} is imported with ${found.length} requests\n`);
}

const gateway = await startDemo();
try {
  const { run } = await runCollection(gateway.url);
  const problems = run.failures.map(({ source, error }) => `${source?.name}: ${error.message}`);
  assert.deepEqual(problems, []);
  assert.ok(run.stats.assertions.total > 30, 'the collection checks what it gets');
  await importDocument('openapi.json');
  await importDocument('openapi-3.0.json');
} finally {
  await gateway.stop();
}
