import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { loadCommands } from '../src/cli/cli.ts';
import { withEnvFiles } from '../src/config/files.ts';
import { PROXY_VARIABLES } from '../src/config/proxies.ts';
import { CONFIG_VARIABLES, GROUPS, VARIABLES } from '../src/config/schema.ts';
import { STANDARD_VARIABLES } from '../src/config/unknown-variables.ts';
import { PROBLEM_TYPES } from '../src/http/problems/types.ts';
import { TRACING_VARIABLES } from '../src/observability/tracing.ts';
import { startTestGateway } from './support/gateway.ts';
import { UNWANTED_WORDS } from './support/words.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Every page of the documentation, by its path from the root. */
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'openapi/README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  ...readdirSync(join(ROOT, 'docs/quickstarts')).map((name) => `docs/quickstarts/${name}`),
];

/** The files below a folder whose names match, by their paths from the root. */
function filesIn(folder: string, name: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => name.test(file))
    .map((file) => join(folder, file));
}

/** The code blocks of a language, in order. */
function blocks(page: string, language: string): string[] {
  return [...read(page).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    ([, code]) => code ?? '',
  );
}

function firstCurl(page: string): string {
  return blocks(page, 'sh').find((block) => block.startsWith('curl')) ?? '';
}

/** What stands between the markers of a generated part. */
function generatedPart(page: string): string {
  const [, part] = /<!-- generated: do not edit -->(.*)<!-- end of generated -->/s.exec(read(page)) ?? [];
  return part ?? '';
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): Set<string> {
  const prose = read(page).replaceAll(/^```.*?^```/gms, '');
  const anchors = new Set<string>();
  for (const [, heading = ''] of prose.matchAll(/^#{1,6} (.+)$/gm)) {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-');
    let name = anchor;
    for (let count = 1; anchors.has(name); count += 1) name = `${anchor}-${count}`;
    anchors.add(name);
  }
  return anchors;
}

/** Whether a path from the root, with or without an anchor, is there. */
function resolves(target: string): boolean {
  const [path = '', anchor] = target.split('#');
  if (!existsSync(join(ROOT, path))) return false;
  return anchor === undefined || anchorsOf(path).has(anchor);
}

describe('the examples', () => {
  test.each(['soap', 'rest'])(
    'the first curl creates the lead as shown, the same again updates it, by %s',
    async (api) => {
      const gateway = await startTestGateway({ MARKETO_UPSTREAM: api });
      const command = firstCurl('README.md')
        .replace('http://127.0.0.1:8080', gateway.url)
        .replace('curl -i', 'curl -s -i');
      expect(command).toContain(gateway.url);
      const curl = async () => {
        const { stdout } = await run('sh', ['-c', command]);
        const [head = '', body = ''] = stdout.split('\r\n\r\n');
        return { head: head.replaceAll('\r\n', '\n'), body };
      };
      const [shownHead = '', shownBody = ''] = (blocks('README.md', 'http')[0] ?? '').split('\n\n');
      const first = await curl();
      for (const line of shownHead.split('\n')) expect(first.head).toContain(line);
      expect(first.body).toBe(shownBody.trim());
      const second = await curl();
      expect(second.head).toContain('HTTP/1.1 200 OK');
      expect(second.body).toBe(first.body.replace('CREATED', 'UPDATED'));
    },
  );

  test('clients.md begins with the curl of the README', () => {
    expect(firstCurl('docs/clients.md')).toBe(firstCurl('README.md'));
  });

  test('the problem shown is the one that comes', async () => {
    const gateway = await startTestGateway();
    const shown = blocks('README.md', 'json')
      .map((block) => JSON.parse(block) as { type?: string; requestId?: string })
      .find(({ type }) => type?.endsWith('/problems/unknown-attribute'));
    const { body } = await gateway.putLead(
      { email: 'a@b.c', attributes: { pants: 'x' } },
      { headers: { 'x-request-id': shown?.requestId ?? '' } },
    );
    // At the address of the quick start.
    expect(shown?.type).toMatch(/^http:\/\/127\.0\.0\.1:8080\//);
    expect({ ...body, type: new URL(body.type).pathname }).toEqual({
      ...shown,
      type: new URL(shown?.type ?? '').pathname,
    });
    expect(blocks('docs/errors.md', 'json').map((block) => JSON.parse(block) as unknown)).toContainEqual(
      shown,
    );
  });
});

describe('the tables', () => {
  test('.env.example and the generated parts of pages are what npm run docs writes', async () => {
    await expect(run(process.execPath, ['build/docs.mjs', '--check'], { cwd: ROOT })).resolves.toMatchObject({
      stderr: '',
    });
  });

  test('every variable is in configuration.md and in .env.example, and no other', () => {
    const known = [...CONFIG_VARIABLES, ...TRACING_VARIABLES, ...PROXY_VARIABLES].toSorted();
    const rows = [...generatedPart('docs/configuration.md').matchAll(/^\| `([A-Z0-9_]+)` \|/gm)];
    const examples = [...read('.env.example').matchAll(/^(?:# )?([A-Z0-9_]+)=/gm)];
    expect(rows.map(([, name]) => name).toSorted()).toEqual(known);
    expect(examples.map(([, name]) => name).toSorted()).toEqual(known);
  });

  test('configuration.md has every group of variables', () => {
    const groups = new Set(Object.values({ ...VARIABLES, ...STANDARD_VARIABLES }).map(({ group }) => group));
    expect([...groups]).toEqual(Object.keys(GROUPS));
  });

  test('.env.example is a valid env file, and nothing in it counts before it is filled in', () => {
    const { env, mistakes } = withEnvFiles({}, ['.env.example'], read);
    expect(mistakes).toEqual([]);
    expect(Object.values(env).join('')).toBe('');
    const filledIn = read('.env.example').replaceAll(/^# ([A-Z0-9_]+=)/gm, '$1');
    expect(withEnvFiles({}, ['.env.example'], () => filledIn).mistakes).toEqual([]);
  });

  test('errors.md has every problem with its status, and no other', () => {
    const rows = [...generatedPart('docs/errors.md').matchAll(/^\| (\d{3}) \| \[`([a-z-]+)`\]/gm)];
    const shown = Object.fromEntries(rows.map(([, status, slug = '']) => [slug, Number(status)]));
    const known = Object.fromEntries(
      Object.entries(PROBLEM_TYPES).map(([slug, { status }]) => [slug, status]),
    );
    expect(shown).toEqual(known);
  });

  test('troubleshooting.md has every problem, every finding of doctor, every warning of the log and every alert', () => {
    const page = read('docs/troubleshooting.md');
    const sources = filesIn('src', /\.ts$/).map(read).join('\n');
    const doctor = filesIn('src/cli/doctor', /\.ts$/).map(read).join('\n');
    const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found]) => found);
    const problems = Object.entries(PROBLEM_TYPES).map(([slug, { status }]) => `${status} ${slug}`);
    const subjects = matches(doctor, /subject: '(\w+)'/g);
    const warnings = matches(sources, /\.(?:warn|error)\(\s*(?:\{[^}]*\}|\w+),\s*'([^']+)'/g);
    const alerts = matches(read('deploy/prometheus/alerts.yml'), /alert: (\w+)/g);
    expect([subjects.length, warnings.length, alerts.length].every((count) => count >= 9)).toBe(true);
    const names = [...problems, ...subjects, ...warnings, ...alerts];
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  test('architecture.md has every room, and no other', () => {
    const [, table = ''] = /^## Rooms$(.*?)^## /ms.exec(read('docs/architecture.md')) ?? [];
    const named = [...table.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([\w-]+)`/g)].map(([, name]) => name),
    );
    const rooms = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    expect(new Set(named)).toEqual(new Set(rooms));
  });

  test('configuration.md has every command', async () => {
    const page = read('docs/configuration.md');
    for (const { name } of await loadCommands()) expect(page).toContain(`\`${name}\``);
  });

  test("sandbox.md has every request of the sandbox's control API", () => {
    const page = read('docs/sandbox.md');
    const { paths } = JSON.parse(read('assets/sandbox/openapi.json')) as {
      paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    };
    const requests = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods)
        .filter((method) => /^(?:get|put|post|delete)$/.test(method))
        .map((method) => `\`${method.toUpperCase()} ${path}`),
    );
    expect(requests.length).toBeGreaterThan(10);
    for (const request of requests) expect(page).toContain(request);
  });

  test('the tools in openapi/README.md have the versions .ci/run runs, and all of them are there', () => {
    const rows = [...read('openapi/README.md').matchAll(/^\| (@?[\w./-]+) \| (\d+\.\d+\.\d+) \|/gm)].map(
      ([, name, version]) => `${name}@${version}`,
    );
    const lists = [...read('.ci/run').matchAll(/^readonly (?:REDOCLY|READERS|GENERATORS|TOOLS)=.*$/gm)].join(
      '\n',
    );
    const locked = (name: string) =>
      new RegExp(`"node_modules/${name}": \\{\\s+"version": "([\\d.]+)"`).exec(
        read('package-lock.json'),
      )?.[1];
    const pinned = [
      ...['openapi-sampler', 'axe-core'].map((name) => `${name}@${locked(name)}`),
      ...[...lists.matchAll(/@?[\w./-]+@\d+\.\d+\.\d+/g)].map(([tool]) => tool),
    ];
    // What compiles the generated clients, and what they or the tools need beside them.
    const helpers =
      /^(?:typescript|esbuild|@zodios\/core|zod|axios|graphql|ajv-formats|js-yaml|@kubb\/(?!plugin-client).*)@/;
    const tools = pinned.filter((tool) => !helpers.test(tool));
    expect(new Set(rows)).toEqual(new Set(tools));
  });
});

describe('what pages and comments name', () => {
  test.each(PAGES)('every link of %s leads to a file and a heading', (page) => {
    const broken = [...read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => {
        const path = target.startsWith('#') ? page + target : join(dirname(page), target);
        return !resolves(path);
      });
    expect(broken).toEqual([]);
  });

  test.each(PAGES)('every command and every program %s names is there', async (page) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: object };
    const commands = (await loadCommands()).map(({ name }) => name.split(' ')[0]);
    const text = read(page);
    for (const [, name] of text.matchAll(/`npm run ([\w:]+)`/g)) {
      expect(Object.keys(scripts)).toContain(name);
    }
    for (const [, name] of text.matchAll(/npx lead-gateway ([a-z][a-z-]*)/g)) {
      expect([...commands, 'help', 'version']).toContain(name);
    }
    for (const [path] of text.matchAll(/\b(?:test|checks|bench|src)\/[\w./-]+\.(?:ts|mjs|lua)\b/g)) {
      expect(existsSync(join(ROOT, path))).toBe(true);
    }
  });

  test('every page that a comment cites exists, with its heading', () => {
    const folders = ['src', 'test', 'checks', 'bench', 'build', 'deploy', '.ci', 'assets'];
    const files = folders
      .filter((folder) => existsSync(join(ROOT, folder)))
      .flatMap((folder) =>
        readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8', withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name)),
      )
      .filter((file) => /(?:\.(?:ts|m?js|json|ya?ml|xsd|wsdl|html|css|lua)|run)$/.test(file));
    const broken = files.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/\bdocs\/[\w-]+\.md(?:#[\w-]+)?/g)]
        .map(([target]) => target)
        .filter((target) => !resolves(target))
        .map((target) => `${file.slice(ROOT.length)} cites ${target}`),
    );
    expect(files.length).toBeGreaterThan(100);
    expect(broken).toEqual([]);
  });

  test('every page is listed in the README, every quickstart in its index', () => {
    const readme = read('README.md');
    const quickstarts = read('docs/quickstarts.md');
    for (const page of PAGES.filter((name) => name.startsWith('docs/'))) {
      if (page.startsWith('docs/quickstarts/')) expect(quickstarts).toContain(`](${page.slice(5)})`);
      else expect(readme).toContain(`](${page})`);
    }
  });
});

describe('the words', () => {
  test.each(PAGES)('%s has none of the words we do not use', (page) => {
    // The tables of upgrading.md say which new name an old one has.
    const text = page === 'docs/upgrading.md' ? read(page).replaceAll(/^\|.*$/gm, '') : read(page);
    expect(UNWANTED_WORDS.flatMap((word) => word.exec(text)?.[0] ?? [])).toEqual([]);
  });
});
