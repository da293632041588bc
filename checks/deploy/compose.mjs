// Holds the Compose files against the schema of the Compose Specification, which knows every member a service may have:
//
//   node checks/deploy/compose.mjs FOLDER [file...]
//
// FOLDER has dclint installed, which brings the schema along. Ends with 1 and says what is wrong.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { parseDocument } from 'yaml';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const [folder = '', ...given] = process.argv.slice(2);
const files =
  given.length > 0 ? given : ['compose.yaml', 'deploy/compose.marketo.yaml', 'deploy/compose.outbox.yaml'];

const schema = JSON.parse(
  readFileSync(join(folder, 'node_modules/dclint/schemas/compose.schema.json'), 'utf8'),
);
delete schema.$schema;
const ajv = new Ajv({ strict: false, allErrors: true });
formats.default(ajv);
const validate = ajv.compile(schema);

/** What is wrong with a file, a sentence each. */
function faultsOf(file) {
  const document = parseDocument(readFileSync(join(ROOT, file), 'utf8'), { merge: true });
  if (document.errors.length > 0) return document.errors.map(({ message }) => message);
  return validate(document.toJS())
    ? []
    : validate.errors.map(
        ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
      );
}

for (const wrong of [{ services: { a: { imagge: 'x' } } }, { services: { a: { cap_drop: 'ALL' } } }]) {
  if (validate(wrong)) throw new Error(`the schema sees nothing wrong with ${JSON.stringify(wrong)}`);
}
const faults = files.flatMap((file) => faultsOf(file).map((fault) => `${file}: ${fault}`));
for (const fault of faults) console.error(fault);
if (faults.length === 0) console.log(`${files.join(' and ')} are as the specification wants them`);
process.exitCode = faults.length > 0 ? 1 : 0;
