// Joins the program and the packages that every start loads into a few files: reading 400 took longer than running them
// (docs/performance.md#start). Nothing is shortened, so that stack traces name functions, and a comment above each part
// names its file.
import { readFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';

/** Every other package is left to node_modules: it is loaded later, if ever, or looks for files of its own. */
const PACKAGES = new Set([
  'express',
  'negotiator',
  'pino',
  'sonic-boom',
  'tinyqueue',
  'undici/lib/dispatcher/pool.js',
  'zod',
]);

/** What packages in CommonJS ask for. */
const BANNER = `import { createRequire as createRequireHere } from 'node:module';
const require = createRequireHere(import.meta.url);`;

/**
 * The bundle as [path in dist, text].
 *
 * @param entry the module in dist to begin with; modules that it imports by `import()` become files of their own
 */
export async function bundle(dist, folder, entry) {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [join(dist, entry)],
    absWorkingDir: dist,
    outdir: join(dist, folder),
    bundle: true,
    splitting: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: BANNER },
    plugins: [resolvePackages(dist), placeOwnFiles(dist, folder), leaveOut],
    logLevel: 'warning',
  });
  return outputFiles.map(({ path, text }) => [relative(dist, path), text]);
}

/** The browser client as one module without comments, for browsers since 2023. */
export async function bundleClient(entry) {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    // What src/client/tsconfig.json extends is not where an image is built, and says nothing that matters here.
    tsconfigRaw: {},
    logLevel: 'warning',
  });
  return outputFiles[0].text;
}

function resolvePackages(dist) {
  return {
    name: 'packages',
    setup({ onResolve }) {
      onResolve({ filter: /^[^./]/ }, ({ path, importer }) => {
        return importer.startsWith(dist) && !path.startsWith('node:') && !PACKAGES.has(path)
          ? { path, external: true }
          : undefined;
      });
    },
  };
}

/** Own modules know where they are in dist, and load classes of packages by their files. */
function placeOwnFiles(dist, folder) {
  return {
    name: 'own',
    setup({ onLoad }) {
      onLoad({ filter: /\.js$/ }, ({ path }) => {
        if (!path.startsWith(dist)) return undefined;
        const from = relative(join(dist, folder), path).replaceAll(sep, '/');
        const place = `new URL('${from}', import.meta.url).href`;
        const contents = readFileSync(path, 'utf8')
          .replaceAll(/createRequire\(import\.meta\.url\)\('(undici\/[^']+)'\)/g, "require('$1')")
          .replaceAll('import.meta.url', place);
        return { contents, resolveDir: dirname(path) };
      });
    },
  };
}

/** Half of the size, and never used: languages of zod's own messages, and charsets of bodies that are not read as text. */
const leaveOut = {
  name: 'unused',
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {};' }));
    onResolve({ filter: /^\.\.\/encodings$/ }, ({ importer }) =>
      basename(dirname(dirname(importer))) === 'iconv-lite'
        ? { path: 'iconv-lite/encodings/index.js', external: true }
        : undefined,
    );
  },
};
