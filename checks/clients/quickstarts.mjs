// Follows the quickstarts word by word, in fresh folders, against the gateway as it is delivered (dist) and its sandbox:
//   node checks/clients/quickstarts.mjs [page...]     without a page: those that need nothing of npm's registry
// Files are saved and commands run as the page says, forms are filled in in Chromium, and what a page says to enter in a
// tool is sent as that tool sends it. Ends with exit code 1 unless each lead is in the sandbox.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { withBrowser } from '../browser/support.mjs';
import { freePort, startDemo, temporaryFolder, until } from '../processes.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGES = join(ROOT, 'docs/quickstarts');
/** They create a project with Vite; the program of another is not compiled by Debian. */
const FROM_REGISTRY = ['react', 'vue'];
const NOT_RUN = ['swift'];
/** A screen. */
const MAX_LINES = 40;
const all = readdirSync(PAGES).map((name) => name.replace('.md', ''));
const chosen = process.argv.slice(2);
const names =
  chosen.length > 0 ? chosen : all.filter((name) => ![...FROM_REGISTRY, ...NOT_RUN].includes(name));

/** What a page says, in order: blocks with their language and, if they are to be saved, the name of the file. */
function stepsOf(text) {
  const steps = [];
  for (const [, before, language, code] of text.matchAll(/([^\n]*\n\n)?^```(\w+)\n(.*?)^```$/gms)) {
    const file = /Save as `([^`]+)`|save as `([^`]+)`/.exec(before ?? '');
    steps.push({ language, code, file: file?.[1] ?? file?.[2] });
  }
  return steps;
}

/** Puts the addresses of this run where a page has the usual ones, and the key that was made where it has none. */
function localized(text, { gateway, port, key }) {
  return text
    .replaceAll('http://127.0.0.1:8080', gateway?.url ?? 'http://127.0.0.1:8080')
    .replaceAll(/(localhost:|--port |http\.server )3000/g, `$1${port}`)
    .replaceAll(/lg[ps]_…/g, key ?? '')
    .replaceAll('npx lead-gateway', `${process.execPath} ${join(ROOT, 'dist/main.js')}`);
}

async function shell(command, cwd) {
  const { stdout } = await promisify(execFile)('sh', ['-ec', command], {
    cwd,
    timeout: 180_000,
    env: { ...process.env, CI: 'true', npm_config_audit: 'false', npm_config_fund: 'false' },
  }).catch((error) => {
    throw new Error(`${command}\n${error.stdout}\n${error.stderr}`);
  });
  return stdout;
}

/** What runs until it is stopped. */
const SERVER = /^(?:(.*) && )?((?:npm run dev|python3 -m http\.server).*)$/m;
const GATEWAY = /^(?:([A-Z_]+)=(\S+) )npm start$/m;

/** One page, in a folder of its own; gives what it started, to be stopped. */
async function follow(text, state) {
  for (const { language, code, file } of stepsOf(text)) {
    if (file !== undefined) save(join(state.folder, state.inside, file), localized(code, state));
    else if (language === 'sh') await runBlock(localized(code, state), state);
    else if (language === 'text') {
      const [expected, said] = [code, state.output].map((one) => one.trim().replaceAll(/\d{7}/g, 'ID'));
      assert.equal(said.split('\n').at(-1), expected);
    }
  }
  const [, address] = /[Oo]pen <(http:[^>]+)>/.exec(text) ?? [];
  if (address !== undefined) await fillIn(localized(address, state));
}

function save(file, code) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, code);
}

async function runBlock(code, state) {
  const [gatewayLine, variable, value] = GATEWAY.exec(code) ?? [];
  const [serverLine, first, server] = SERVER.exec(code) ?? [];
  const rest = code
    .replace(gatewayLine ?? '', '')
    .replace(serverLine ?? '', first ?? '')
    .trim();
  if (rest !== '') {
    state.output = await shell(rest, join(state.folder, state.inside));
    state.key = /\blg[ps]_\w{49}\b/.exec(state.output)?.[0] ?? state.key;
  }
  // The rest of a page happens in the folder it went to.
  state.inside = /^cd (\w+)/m.exec(rest)?.[1] ?? state.inside;
  if (gatewayLine !== undefined) {
    const file = value.endsWith('.json') ? join(state.folder, value) : value;
    state.gateway = await state.start({ [variable]: file });
  }
  if (server !== undefined) {
    const child = spawn('sh', ['-c', `exec ${server}`], {
      cwd: join(state.folder, state.inside),
      stdio: 'ignore',
      detached: true,
    });
    state.stops.push(() => {
      if (child.pid !== undefined) process.kill(-child.pid);
    });
    const isUp = () =>
      fetch(`http://localhost:${state.port}`).then(
        ({ ok }) => ok,
        () => false,
      );
    await until(isUp, `${server} does not serve`, 30_000);
  }
}

/** As a visitor does it; what a field is for is in its name. */
function fillIn(address) {
  return withBrowser(undefined, async (browser) => {
    const page = await browser.newPage();
    page.setDefaultTimeout(20_000);
    await page.goto(address);
    await page.locator('[name=email]').fill('jane@example.com');
    await page.locator('[name=FirstName]').fill('Jane');
    await page.getByRole('button').click();
    await page.getByText(/thank/i).first().waitFor();
  });
}

/** What a page says to enter in a tool: a table of fields and values. */
function requestOf(text) {
  const rows = Object.fromEntries(
    [...text.matchAll(/^\| ([^|]+?) \| `?(.*?)`? \|$/gm)].map(([, name, value]) => [name, value]),
  );
  const valueOf = (...keys) => rows[keys.find((key) => key in rows)];
  const headers = Object.entries(rows).flatMap(([name, value]) => {
    const [, header] = /Headers: `([\w-]+)`/.exec(name) ?? [];
    return header === undefined ? [] : [[header, value]];
  });
  return {
    url: valueOf('URL', 'URI'),
    method: valueOf('Method'),
    headers: { 'Content-Type': 'application/json', ...Object.fromEntries(headers) },
    body: valueOf('Body', 'Data', 'Request content', 'Send Body, JSON, Using JSON'),
  };
}

/** The request of a workflow to import, in the same form. */
const IMPORTS = {
  n8n() {
    const { nodes } = JSON.parse(readFileSync(join(ROOT, 'examples/n8n/lead.json'), 'utf8'));
    const { url, method, headerParameters, jsonBody } = nodes.at(-1).parameters;
    const headers = Object.fromEntries(headerParameters.parameters.map(({ name, value }) => [name, value]));
    return { url, method, headers: { 'Content-Type': 'application/json', ...headers }, body: jsonBody };
  },
  'power-automate'() {
    const { actions } = JSON.parse(
      readFileSync(join(ROOT, 'examples/power-automate/definition.json'), 'utf8'),
    );
    const { uri, method, headers, body } = actions.Put_lead.inputs;
    return { url: uri, method, headers, body };
  },
};

async function enter(name, text, state) {
  const request = requestOf(text);
  const imported = IMPORTS[name]?.();
  if (imported !== undefined) {
    const parsed = ({ body, ...more }) => ({
      ...more,
      body: typeof body === 'string' ? JSON.parse(body) : body,
    });
    assert.deepEqual(parsed(imported), parsed(request), 'the workflow is what the table says');
  }
  const keyFile = join(state.folder, 'keys.json');
  const made = await shell(
    localized(`npx lead-gateway keys create --file ${keyFile} --name tool`, state),
    state.folder,
  );
  state.key = /\blgs_\w{49}\b/.exec(made)[0];
  state.gateway = await state.start({ API_KEYS_FILE: keyFile });
  const { url, ...init } = JSON.parse(localized(JSON.stringify(request), state));
  const response = await fetch(url, init);
  assert.equal(response.status, 201, await response.text());
}

/** The programs of a page are files in examples, too. */
function checkExamples(text) {
  const files = readdirSync(join(ROOT, 'examples'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
  const examples = new Set(files);
  for (const { file, code } of stepsOf(text)) {
    if (file !== undefined) assert.ok(examples.has(code), `${file} is not in examples`);
  }
}

async function check(name) {
  const text = readFileSync(join(PAGES, `${name}.md`), 'utf8');
  assert.ok(text.trimEnd().split('\n').length <= MAX_LINES, 'it has more than a screen');
  checkExamples(text);
  const stops = [];
  const start = async (env) => {
    const gateway = await startDemo(env);
    stops.push(gateway.stop);
    return gateway;
  };
  const state = { folder: temporaryFolder(), inside: '', port: await freePort(), output: '', stops, start };
  const fromMs = performance.now();
  try {
    if (text.includes('| Method |')) await enter(name, text, state);
    else {
      const [, variable, value] = /`(?:([A-Z_]+)=(\S+) )npm start`/.exec(text) ?? [];
      if (!GATEWAY.test(text)) {
        state.gateway = await start(variable === undefined ? {} : { [variable]: localized(value, state) });
      }
      await follow(text, state);
    }
    const { leads } = await (await fetch(`${state.gateway.sandboxUrl}/_sandbox/leads`)).json();
    assert.deepEqual(
      leads.map(({ email }) => email),
      ['jane@example.com'],
    );
    console.log(`ok: ${name}, ${((performance.now() - fromMs) / 1000).toFixed(1)} s`);
  } catch (error) {
    error.message = `${name}: ${error.message}`;
    throw error;
  } finally {
    for (const stop of stops) await stop();
  }
}

for (const name of names) await check(name);
