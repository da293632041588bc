import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { PROXY_VARIABLES } from '../src/config/proxies.ts';
import { CONFIG_VARIABLES } from '../src/config/schema.ts';
import { TRACING_VARIABLES } from '../src/observability/tracing-settings.ts';
import { startTestGateway } from './support/gateway.ts';

const ROOT = new URL('..', import.meta.url);
const readme = readFileSync(new URL('README.md', ROOT), 'utf8');
const scripts = (JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { scripts: object })
  .scripts;

const run = promisify(execFile);

/** The code blocks of a language, in order. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    ([, code]) => code ?? '',
  );
}

test('the first curl creates the lead as shown; the same again updates it', async () => {
  const gateway = await startTestGateway();
  const command = blocks('sh').find((block) => block.startsWith('curl'));
  const shown = blocks('http')[0] ?? '';
  expect(command).toBeDefined();
  const curl = async () => {
    const { stdout } = await run('sh', [
      '-c',
      (command ?? '').replace('http://127.0.0.1:8080', gateway.url).replace('curl -i', 'curl -s -i'),
    ]);
    const [head = '', body = ''] = stdout.split('\r\n\r\n');
    return { head: head.replaceAll('\r\n', '\n'), body: JSON.parse(body) as { leadId: number } };
  };
  const [shownHead = '', shownBody = ''] = shown.split('\n\n');
  const first = await curl();
  for (const line of shownHead.split('\n')) expect(first.head).toContain(line);
  expect(first.body).toEqual(JSON.parse(shownBody));
  const second = await curl();
  expect(second.head).toContain('HTTP/1.1 200 OK');
  expect(second.body).toEqual({ leadId: first.body.leadId, status: 'UPDATED' });
});

test('the problem shown is the one that comes', async () => {
  const gateway = await startTestGateway();
  const shown = blocks('json')
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
});

test('every variable of the configuration is in the README and in .env.example, and no other', () => {
  const known = CONFIG_VARIABLES.filter((name) => name !== 'NODE_ENV');
  const example = readFileSync(new URL('.env.example', ROOT), 'utf8');
  for (const name of known) {
    expect(readme).toContain(`\`${name}\``);
    expect(example).toMatch(new RegExp(`^(?:# )?${name}=`, 'm'));
  }
  const others = [...TRACING_VARIABLES, ...PROXY_VARIABLES];
  for (const name of others) expect(readme).toContain(`\`${name}\``);
  const named = [...example.matchAll(/^(?:# )?([A-Z0-9_]+)=/gm)].map(([, name]) => name);
  expect(new Set(named)).toEqual(new Set([...known, ...others]));
});

test('every script and every file the README names is there', () => {
  for (const [, name] of readme.matchAll(/`npm run ([\w:]+)`/g)) expect(Object.keys(scripts)).toContain(name);
  for (const [, path] of readme.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
    expect(existsSync(fileURLToPath(new URL(path ?? '', ROOT)))).toBe(true);
  }
});

test('the table of tools in openapi/README.md has the versions .ci/run runs, and all of them', () => {
  const table = readFileSync(new URL('openapi/README.md', ROOT), 'utf8');
  const rows = [...table.matchAll(/^\| (@?[\w./-]+) \| (\d+\.\d+\.\d+) \|/gm)].map(
    ([, name, version]) => `${name}@${version}`,
  );
  const script = readFileSync(new URL('.ci/run', ROOT), 'utf8');
  const lists = [...script.matchAll(/^readonly (?:REDOCLY|READERS|GENERATORS|TOOLS)=.*$/gm)].join('\n');
  const manifest = readFileSync(new URL('package-lock.json', ROOT), 'utf8');
  const sampler = /"node_modules\/openapi-sampler": \{\s+"version": "([\d.]+)"/.exec(manifest)?.[1];
  const pinned = [
    `openapi-sampler@${sampler}`,
    ...[...lists.matchAll(/@?[\w./-]+@\d+\.\d+\.\d+/g)].map(([tool]) => tool),
  ];
  // What compiles the generated clients, and what they or the tools need beside them.
  const helpers =
    /^(?:typescript|esbuild|@zodios\/core|zod|axios|graphql|ajv-formats|js-yaml|@kubb\/(?!plugin-client).*)@/;
  const tools = pinned.filter((tool) => !helpers.test(tool));
  expect(new Set(rows)).toEqual(new Set(tools));
});
