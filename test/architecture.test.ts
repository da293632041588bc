import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../src/', import.meta.url));

type Rule = {
  /** What the rule is for, as the start of a path below src. The first rule that fits counts. */
  readonly room: string;
  /** Starts of paths below src that may be imported. */
  readonly internal: readonly string[];
  readonly packages: readonly string[];
};

/** Which room may import what; `docs/architecture.md` has the reasons. `node:` stands for every module of Node's own. */
const RULES: readonly Rule[] = [
  // The ground floor.
  { room: 'text/', internal: ['text/'], packages: [] },
  { room: 'runtime/', internal: ['runtime/'], packages: [] },
  { room: 'leads/', internal: ['leads/', 'text/', 'runtime/'], packages: [] },
  { room: 'transport/', internal: ['transport/', 'runtime/'], packages: ['undici', 'node:'] },
  {
    room: 'marketo-soap/client',
    internal: ['marketo-soap/', 'upstream/', 'leads/', 'text/', 'runtime/', 'transport/'],
    packages: [],
  },
  {
    room: 'marketo-soap/',
    internal: ['marketo-soap/', 'upstream/', 'leads/', 'text/'],
    packages: ['node:crypto', 'node:buffer', 'node:module', 'xmlbuilder2', 'fast-xml-parser'],
  },
  {
    room: 'marketo-rest/client',
    internal: ['marketo-rest/', 'upstream/', 'leads/', 'text/', 'runtime/', 'transport/'],
    packages: [],
  },
  { room: 'marketo-rest/', internal: ['marketo-rest/', 'upstream/', 'leads/', 'text/'], packages: [] },
  // The port of every upstream: knows no protocol.
  { room: 'upstream/', internal: ['upstream/', 'leads/', 'text/', 'runtime/'], packages: [] },
  { room: 'dispatch/', internal: ['dispatch/', 'upstream/', 'leads/', 'runtime/'], packages: ['tinyqueue'] },
  // Only the store in one file knows SQLite and the file; the package is optional.
  {
    room: 'outbox/sqlite/',
    internal: ['outbox/sqlite/', 'outbox/store.ts', 'outbox/rows.ts', 'runtime/'],
    packages: ['libsql', 'node:fs', 'node:path', 'node:worker_threads'],
  },
  // Only the store in PostgreSQL knows its client, which is loaded where OUTBOX_URL names such a server.
  {
    room: 'outbox/postgres/',
    internal: ['outbox/postgres/', 'outbox/store.ts', 'outbox/rows.ts', 'runtime/'],
    packages: ['pg'],
  },
  { room: 'outbox/', internal: ['outbox/', 'leads/', 'runtime/'], packages: ['node:crypto'] },
  // Only the connection knows Redis' client.
  { room: 'replicas/redis.ts', internal: ['observability/logger.ts'], packages: ['@redis/client'] },
  // Replicas agree on calls, so this room uses the dispatcher's types.
  {
    room: 'replicas/',
    internal: [
      'replicas/',
      'runtime/',
      'dispatch/permits.ts',
      'dispatch/quota.ts',
      'dispatch/daily-quota.ts',
      'dispatch/sliding-window.ts',
      'upstream/outcome.ts',
    ],
    packages: ['node:crypto', 'node:fs'],
  },
  {
    room: 'access/',
    internal: ['access/', 'leads/', 'text/', 'runtime/', 'observability/logger.ts'],
    packages: ['zod', 'jose', 'node:'],
  },
  {
    room: 'http/',
    internal: ['http/', 'access/', 'leads/', 'text/', 'runtime/', 'observability/'],
    packages: ['express', 'zod', 'helmet', 'negotiator', 'swagger-ui-express', 'node:'],
  },
  // Runs in browsers.
  { room: 'client/', internal: ['client/'], packages: [] },
  { room: 'http-server/', internal: ['http-server/', 'text/'], packages: ['express', 'node:'] },
  // The descriptions are made of the contracts that requests are validated by.
  { room: 'openapi/', internal: ['openapi/', 'http/', 'leads/'], packages: ['zod', 'node:fs'] },
  // The twin of the gateway must not mirror its mistakes: it shares no code that reads or writes SOAP.
  { room: 'soap-server/', internal: ['soap-server/', 'text/'], packages: ['node:', 'saxes'] },
  { room: 'sandbox/', internal: ['sandbox/', 'soap-server/', 'text/'], packages: ['node:'] },
  // OpenTelemetry's packages are optional: these files alone load them, when traces are on.
  {
    room: 'observability/opentelemetry',
    internal: ['leads/', 'observability/', 'runtime/'],
    packages: ['@opentelemetry', 'node:http'],
  },
  {
    room: 'observability/log-writer.ts',
    internal: ['runtime/'],
    packages: ['sonic-boom', 'node:fs'],
  },
  {
    room: 'observability/',
    internal: ['leads/', 'observability/'],
    packages: ['pino', 'prom-client', 'node:perf_hooks', 'node:timers/promises'],
  },
  {
    room: 'config/',
    internal: [
      'config/',
      'leads/',
      'text/',
      'observability/tracing.ts',
      'access/principal.ts',
      'access/key-file.ts',
      'transport/proxy.ts',
    ],
    packages: ['zod', 'node:net', 'node:url', 'node:util'],
  },
  // Asks a running gateway from outside; knows no more of it than where it listens.
  { room: 'cli/health.ts', internal: ['cli/', 'text/'], packages: ['node:http'] },
  // Only the import reads CSV.
  { room: 'cli/import/csv.ts', internal: ['cli/'], packages: ['csv-parse', 'node:'] },
  // The composition root and the command line see everything.
  { room: 'gateway/', internal: [''], packages: ['node:', 'express'] },
  { room: 'cli/', internal: [''], packages: ['node:'] },
  { room: 'main.ts', internal: ['cli/'], packages: ['node:'] },
];

const IMPORT = /^(?:import|export)\s[^;]*?from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\(\s*'([^']+)'/gm;

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

function importsOf(file: string): string[] {
  const source = readFileSync(join(SRC, file), 'utf8');
  return [...source.matchAll(IMPORT)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? '');
}

function targetOf(file: string, specifier: string): string {
  return relative(SRC, join(SRC, dirname(file), specifier));
}

function isAllowed(rule: Rule, file: string, specifier: string): boolean {
  if (!specifier.startsWith('.')) {
    return rule.packages.some((name) =>
      name.endsWith(':')
        ? specifier.startsWith(name)
        : specifier === name || specifier.startsWith(`${name}/`),
    );
  }
  const target = targetOf(file, specifier);
  return rule.internal.some((start) => target.startsWith(start));
}

test('no file imports what its room may not', () => {
  const breaches = files.flatMap((file) => {
    const rule = RULES.find(({ room }) => file.startsWith(room));
    if (rule === undefined) return [`${file} is in no room`];
    return importsOf(file)
      .filter((specifier) => !isAllowed(rule, file, specifier))
      .map((specifier) => `${file} imports ${specifier}`);
  });
  expect(breaches).toEqual([]);
  expect(files.length).toBeGreaterThan(20);
});

// Vitest starts none of them, so a move in src would break them unseen.
test('checks and benchmarks import what src has, by its name', () => {
  const root = join(SRC, '..');
  const missing = ['checks', 'bench'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.mjs') && !file.startsWith(join('clients', 'programs')))
      .flatMap((file) => missingImports(join(root, folder, file), root)),
  );
  expect(missing).toEqual([]);
});

/** Files, and names of dist, that a program imports and that are not there (those of dist: in src). */
function missingImports(program: string, root: string): string[] {
  const imports = readFileSync(program, 'utf8').matchAll(
    /^import\s+(?:\{([^}]*)\}|\S+)\s+from\s+'(\.[^']+)'|\bimport\('(\.[^']+)'/gm,
  );
  return [...imports].flatMap(([, names = '', from, dynamic]) => {
    const path = relative(root, join(dirname(program), from ?? dynamic ?? ''));
    const source = join(root, path.replace(/^dist\/(.*)\.js$/, 'src/$1.ts'));
    const message = `${relative(root, program)} imports ${path}`;
    if (!existsSync(source)) return [message];
    const text = readFileSync(source, 'utf8');
    return names
      .split(',')
      .map((name) => name.trim().replace(/ as .*/, ''))
      .filter((name) => name !== '' && !new RegExp(`^export .*\\b${name}\\b`, 'm').test(text))
      .map((name) => `${message} ${name}`);
  });
}

test('no room imports another that imports it', () => {
  const roomOf = (path: string) => path.split('/')[0] ?? '';
  const imported = new Map<string, Set<string>>();
  for (const file of files) {
    for (const specifier of importsOf(file).filter((from) => from.startsWith('.'))) {
      const target = targetOf(file, specifier);
      if (roomOf(target) === roomOf(file)) continue;
      imported.set(roomOf(file), (imported.get(roomOf(file)) ?? new Set()).add(roomOf(target)));
    }
  }
  // Rooms whose imports are all placed are placed in turn; what is left over stands on a circle.
  let left = [...imported.keys()];
  for (let before = -1; before !== left.length;) {
    before = left.length;
    left = left.filter((room) => [...(imported.get(room) ?? [])].some((to) => left.includes(to)));
  }
  expect(left).toEqual([]);
});

test('the environment and the exit of the process are for main.ts alone', () => {
  const users = files.filter((file) =>
    /\bprocess\.(?:env|exit)\b/.test(readFileSync(join(SRC, file), 'utf8')),
  );
  expect(users).toEqual(['main.ts']);
});

// Virtual time reaches only what takes its timers from the clock.
test('dispatch, outbox and replicas set timers through the clock only', () => {
  const users = files.filter(
    (file) =>
      /^(?:dispatch|outbox|replicas)\//.test(file) &&
      /\bset(?:Timeout|Interval)\b|node:timers/.test(readFileSync(join(SRC, file), 'utf8')),
  );
  expect(users).toEqual([]);
});

test('the pure rooms know no clock, no randomness and no timer', () => {
  const pure = files.filter(
    (file) =>
      file.startsWith('leads/') ||
      file.startsWith('upstream/') ||
      (/^marketo-(?:soap|rest)\//.test(file) && !/\/client[\w-]*\.ts$/.test(file)),
  );
  const users = pure.filter((file) =>
    /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bset(?:Timeout|Interval|Immediate)\b/.test(
      readFileSync(join(SRC, file), 'utf8'),
    ),
  );
  expect(users).toEqual([]);
});
