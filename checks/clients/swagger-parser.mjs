// @apidevtools/swagger-parser reads the committed documents and holds them against the schema of their format.
//   node checks/clients/swagger-parser.mjs <folder with it in node_modules>
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, ...documents] = process.argv.slice(2);
const require = createRequire(join(resolve(folder), 'package.json'));
const { default: parser } = await import(pathToFileURL(require.resolve('@apidevtools/swagger-parser')).href);

for (const document of documents) {
  await parser.validate(document);
  process.stdout.write(`${document} is valid\n`);
}
