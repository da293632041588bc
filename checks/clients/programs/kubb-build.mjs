// Kubb has no command without a configuration file; this is one.
//   node kubb-build.mjs <folder with Kubb in node_modules> <document> <folder for what it writes>
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, path, output] = process.argv.slice(2);
const require = createRequire(join(folder, 'package.json'));
const load = (name) => import(pathToFileURL(require.resolve(`@kubb/${name}`)).href);
const { build } = await load('core');
const { pluginOas } = await load('plugin-oas');
const { pluginTs } = await load('plugin-ts');
const { pluginClient } = await load('plugin-client');

const { error } = await build({
  config: {
    root: '.',
    input: { path },
    output: { path: output },
    plugins: [
      pluginOas({ generators: [] }),
      pluginTs({ output: { path: 'types' } }),
      pluginClient({ output: { path: 'clients' }, client: 'fetch', dataReturnType: 'full', bundle: true }),
    ],
  },
});
if (error) throw error;
