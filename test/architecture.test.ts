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

/** Which room may import what. `node:` stands for every module of Node's own. */
const RULES: readonly Rule[] = [
  // The ground floor: facts of text that every room may know.
  { room: 'text/', internal: ['text/'], packages: [] },
  { room: 'leads/', internal: ['leads/', 'text/'], packages: [] },
  { room: 'transport/', internal: ['transport/'], packages: ['undici', 'node:'] },
  {
    room: 'marketo/client.ts',
    internal: ['leads/', 'marketo/', 'transport/'],
    packages: [],
  },
  {
    room: 'marketo/',
    internal: ['leads/', 'marketo/'],
    packages: ['node:crypto', 'node:buffer', 'xmlbuilder2', 'fast-xml-parser'],
  },
  // The typed results of calls, and what their faults mean; not how they are made.
  {
    room: 'dispatch/',
    internal: ['leads/', 'dispatch/', 'marketo/faults.ts', 'marketo/outcome.ts'],
    packages: [],
  },
  // What is agreed on are calls, so it speaks the dispatcher's words; only the connection knows Redis' client.
  {
    room: 'replicas/redis.ts',
    internal: ['observability/logger.ts'],
    packages: ['@redis/client'],
  },
  {
    room: 'replicas/',
    internal: ['replicas/', 'dispatch/permits.ts', 'dispatch/quota.ts', 'dispatch/window.ts'],
    packages: ['node:crypto'],
  },
  {
    room: 'http/access/',
    internal: ['leads/', 'text/', 'http/', 'observability/'],
    packages: ['express', 'zod', 'jose', 'rate-limiter-flexible', 'node:'],
  },
  {
    room: 'http/',
    internal: ['leads/', 'text/', 'http/', 'observability/'],
    packages: ['express', 'zod', 'helmet', 'negotiator', 'swagger-ui-express', 'node:'],
  },
  {
    room: 'sandbox/',
    internal: ['sandbox/', 'text/', 'marketo/protocol.ts'],
    packages: ['node:', 'xmlbuilder2', 'fast-xml-parser'],
  },
  // OpenTelemetry's packages are optional: loaded when somebody asks for traces, and by these files alone.
  {
    room: 'observability/opentelemetry',
    internal: ['leads/', 'observability/'],
    packages: ['@opentelemetry', 'node:http'],
  },
  // Spans are told of requests and their traces.
  {
    room: 'observability/',
    internal: ['leads/', 'observability/'],
    packages: ['pino', 'prom-client', 'node:perf_hooks', 'node:timers/promises'],
  },
  // What a limit of a caller is, and what a file of keys may hold.
  {
    room: 'config/',
    internal: [
      'config/',
      'leads/',
      'text/',
      'observability/',
      'http/access/caller.ts',
      'http/access/key-file.ts',
      'transport/proxy.ts',
    ],
    packages: ['zod', 'node:net', 'node:url', 'node:util'],
  },
  // Where a request's trace meets the call it is told to: dispatch knows no headers, marketo no requests.
  {
    room: 'traced-calls.ts',
    internal: ['leads/', 'dispatch/dispatcher.ts', 'marketo/', 'observability/tracing.ts'],
    packages: [],
  },
  // What is sent through a proxy besides the calls.
  { room: 'proxied-connections.ts', internal: ['config/', 'transport/'], packages: ['node:fs', 'node:http'] },
  { room: 'drain.ts', internal: ['dispatch/dispatcher.ts', 'http/server.ts'], packages: [] },
  // Asks a running gateway from outside; knows no more of it than where it listens.
  { room: 'cli/ask-health.ts', internal: ['text/'], packages: ['node:'] },
  // The composition root and the command line see everything.
  { room: 'gateway.ts', internal: [''], packages: ['node:', 'express'] },
  { room: 'cli/', internal: [''], packages: ['node:'] },
  { room: 'main.ts', internal: ['cli/'], packages: ['node:'] },
];

const IMPORT = /^(?:import|export)\s[^;]*?from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\(\s*'([^']+)'/gm;

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

function importsOf(file: string): string[] {
  const source = readFileSync(join(SRC, file), 'utf8');
  return [...source.matchAll(IMPORT)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? '');
}

function isAllowed(rule: Rule, file: string, specifier: string): boolean {
  if (!specifier.startsWith('.')) {
    return rule.packages.some((name) =>
      name.endsWith(':')
        ? specifier.startsWith(name)
        : specifier === name || specifier.startsWith(`${name}/`),
    );
  }
  const target = relative(SRC, join(SRC, dirname(file), specifier));
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
    const told = `${relative(root, program)} imports ${path}`;
    if (!existsSync(source)) return [told];
    const text = readFileSync(source, 'utf8');
    return names
      .split(',')
      .map((name) => name.trim().replace(/ as .*/, ''))
      .filter((name) => name !== '' && !new RegExp(`^export .*\\b${name}\\b`, 'm').test(text))
      .map((name) => `${told} ${name}`);
  });
}

test('the environment and the exit of the process are for main.ts alone', () => {
  const users = files.filter((file) =>
    /\bprocess\.(?:env|exit)\b/.test(readFileSync(join(SRC, file), 'utf8')),
  );
  expect(users).toEqual(['main.ts']);
});

test('the pure rooms know no clock, no randomness and no timer', () => {
  const pure = files.filter(
    (file) => file.startsWith('leads/') || (file.startsWith('marketo/') && file !== 'marketo/client.ts'),
  );
  const users = pure.filter((file) =>
    /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bset(?:Timeout|Interval|Immediate)\b/.test(
      readFileSync(join(SRC, file), 'utf8'),
    ),
  );
  expect(users).toEqual([]);
});
