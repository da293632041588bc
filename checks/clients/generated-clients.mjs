// Clients that seven generators make of the committed documents: each compiles under `strict`, creates a lead, updates it
// and receives a typed problem from the running gateway.
//   node checks/clients/generated-clients.mjs <folder with the generators in node_modules> [part of a generator's name]
// Ends with exit code 1 and the output of the step that failed.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { startDemo } from '../processes.mjs';

const [folder, only = ''] = process.argv.slice(2);
if (folder === undefined) throw new Error('the first argument is a folder with the generators');
const tools = resolve(folder);
const bin = (name) => join(tools, 'node_modules', '.bin', name);
const programs = resolve('checks/clients/programs');
const run = promisify(execFile);

/** A generator, the documents it is given, how it is called, and the program that uses what it makes. */
const CLIENTS = [
  {
    name: 'openapi-typescript with openapi-fetch',
    documents: ['openapi.json', 'openapi-3.0.json'],
    generate: (input) => [bin('openapi-typescript'), [input, '--output', 'schema.ts']],
    program: 'openapi-fetch.ts',
    shown: true,
  },
  {
    name: '@hey-api/openapi-ts',
    documents: ['openapi.json', 'openapi-3.0.json', 'swagger.json'],
    generate: (input) => [bin('openapi-ts'), ['--input', input, '--output', 'client', '--no-log-file']],
    program: 'hey-api.ts',
  },
  {
    name: 'orval',
    documents: ['openapi.json', 'openapi-3.0.json'],
    generate: (input) => [bin('orval'), ['--input', input, '--output', 'client.ts', '--client', 'fetch']],
    program: 'orval.ts',
  },
  {
    name: 'swagger-typescript-api',
    documents: ['openapi-3.0.json', 'swagger.json'],
    generate: (input) => [
      bin('swagger-typescript-api'),
      ['generate', '--path', input, '--output', '.', '--name', 'client.ts'],
    ],
    program: 'swagger-typescript-api.ts',
  },
  {
    name: 'openapi-zod-client',
    documents: ['openapi.json', 'openapi-3.0.json'],
    generate: (input) => [bin('openapi-zod-client'), [input, '--output', 'client.ts', '--with-alias']],
    program: 'openapi-zod-client.ts',
  },
  {
    name: 'openapi-typescript-fetch',
    documents: ['openapi.json', 'openapi-3.0.json'],
    generate: (input) => [bin('openapi-typescript'), [input, '--output', 'schema.ts']],
    program: 'openapi-typescript-fetch.ts',
  },
  {
    name: 'Kubb',
    documents: ['openapi.json', 'openapi-3.0.json'],
    generate: (input) => [process.execPath, [join(programs, 'kubb-build.mjs'), tools, input, 'client']],
    program: 'kubb.ts',
  },
];

const TSCONFIG = {
  compilerOptions: {
    strict: true,
    target: 'es2022',
    lib: ['es2022', 'dom', 'dom.iterable'],
    types: ['node'],
    module: 'esnext',
    // As bundlers resolve it, which is what the generators write for.
    moduleResolution: 'bundler',
    // What is generated is no .d.ts and is checked; the packages it uses are checked by their makers.
    skipLibCheck: true,
    noEmit: true,
    // Kubb names its files as they are.
    allowImportingTsExtensions: true,
  },
  include: ['*.ts', 'client'],
};

/** The client docs/clients.md shows, which has to compile as well. */
const [, SHOWN] = /```ts\n(.*?)```/s.exec(readFileSync('docs/clients.md', 'utf8'));

async function prove({ name, input, generate, program, shown = false }, url) {
  const started = performance.now();
  const work = join(tools, `${program}-${input}`.replaceAll('.', '-'));
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work);
  writeFileSync(join(work, 'package.json'), '{ "type": "module" }\n');
  writeFileSync(join(work, 'tsconfig.json'), JSON.stringify(TSCONFIG));
  cpSync(join(programs, program), join(work, 'use.ts'));
  cpSync(join(programs, 'check.ts'), join(work, 'check.ts'));
  if (shown) writeFileSync(join(work, 'readme.ts'), SHOWN);
  const [command, args] = generate(resolve('openapi', input));
  await run(command, args, { cwd: work });
  await run(bin('tsc'), ['--project', '.'], { cwd: work });
  const bundle = [
    'use.ts',
    '--bundle',
    '--platform=node',
    '--packages=external',
    '--format=esm',
    '--outfile=use.mjs',
  ];
  await run(bin('esbuild'), [...bundle, '--log-level=error'], { cwd: work });
  const env = { PATH: process.env.PATH, GATEWAY: url };
  const { stdout } = await run(process.execPath, ['use.mjs'], { cwd: work, env });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${name}, ${input}: ${stdout.trim()} (${seconds} s)\n`);
}

/** Proves one after the other, as long as there are any. */
async function worker(queue, url) {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) await prove(next, url);
}

const gateway = await startDemo();
try {
  const chosen = CLIENTS.filter(({ name }) => name.includes(only));
  const queue = chosen.flatMap(({ documents, ...client }) =>
    documents.map((input) => ({ ...client, input })),
  );
  await Promise.all([worker(queue, gateway.url), worker(queue, gateway.url)]);
} catch (error) {
  process.stderr.write(`${error.stdout ?? ''}${error.stderr ?? ''}${error.stack}\n`);
  process.exitCode = 1;
} finally {
  await gateway.stop();
}
