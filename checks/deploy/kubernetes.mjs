// Holds the manifests against the Kubernetes API: unknown and wrong fields against its types, by the compiler, and
// formats, patterns and what is required against its schemas.
//
//   node checks/deploy/kubernetes.mjs FOLDER [manifest...]
//
// FOLDER has kubernetes-models and @kubernetes-models/prometheus-operator installed. Ends with 1 and says what is wrong.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseAllDocuments } from 'yaml';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MANIFESTS = join(ROOT, 'deploy/kubernetes');
const [folder = '', ...given] = process.argv.slice(2);
const modules = join(resolve(folder), 'node_modules');

const paths =
  given.length > 0
    ? given
    : readdirSync(MANIFESTS)
        .filter((file) => file !== 'kustomization.yaml')
        .map((file) => join(MANIFESTS, file));

/** Where the model of a kind is: `apps/v1` and `Deployment` are in kubernetes-models/apps/v1/Deployment. */
function modelOf({ apiVersion, kind }) {
  const isOperator = apiVersion.startsWith('monitoring.coreos.com/');
  return `${isOperator ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models'}/${apiVersion}/${kind}`;
}

/** The documents of a YAML file; throws when it is not YAML. */
function read(path) {
  return parseAllDocuments(readFileSync(path, 'utf8'), { uniqueKeys: true }).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return { file: basename(path), value: document.toJS() };
  });
}

async function schemaFaults(documents) {
  const faults = [];
  for (const { file, value } of documents) {
    const { [value.kind]: Model } = await import(pathToFileURL(join(modules, `${modelOf(value)}.js`)).href);
    try {
      new Model(value).validate();
    } catch (error) {
      faults.push(`${file}: ${error.message}`);
    }
  }
  return faults;
}

/** An object literal with a member its type does not have does not compile. */
function typeFaults(documents) {
  const source = join(resolve(folder), 'manifests.ts');
  // Two lines a manifest.
  const lines = documents.map(
    ({ value }, index) =>
      `import type { I${value.kind} as T${index} } from '${modelOf(value)}';\n` +
      `export const m${index}: T${index} = ${JSON.stringify(value)};\n`,
  );
  writeFileSync(source, lines.join(''));
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', ''];
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...options, source], {
    cwd: resolve(folder),
    encoding: 'utf8',
  });
  rmSync(source);
  const faults = [...stdout.matchAll(/manifests\.ts\((\d+),\d+\): error \w+: (.*)/g)].map(
    ([, line, message]) => `${documents[Math.floor((Number(line) - 1) / 2)].file}: ${message}`,
  );
  return status !== 0 && faults.length === 0 ? [stdout] : faults;
}

const documents = paths.flatMap(read);

// A check that nothing can fail would be none.
const [deployment] = read(join(MANIFESTS, 'deployment.yaml'));
const wrongOnes = [
  (spec) => (spec.terminationGracePeriodSeconds = 'forty'),
  (spec) => (spec.containers[0].resources.limits.memory = '512 Megs'),
  (spec) => delete spec.containers,
  (spec) => (spec.containers[0].securityContext.readonlyRootFilesystem = true),
].map((spoil, index) => {
  const value = structuredClone(deployment.value);
  spoil(value.spec.template.spec);
  return { file: `wrong ${index}`, value };
});
const seen = [...(await schemaFaults(wrongOnes)), ...typeFaults(wrongOnes)];
for (const { file } of wrongOnes) {
  if (!seen.some((fault) => fault.startsWith(`${file}:`))) throw new Error(`nothing was found in ${file}`);
}

const faults = [...(await schemaFaults(documents)), ...typeFaults(documents)];
for (const fault of faults) console.error(fault);
if (faults.length === 0) console.log(`${documents.length} manifests are as the API wants them`);
process.exitCode = faults.length > 0 ? 1 : 0;
