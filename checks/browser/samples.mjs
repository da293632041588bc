// The code samples of the documentation, copied out of a real browser and run, with the gateway as it is delivered:
//   node checks/browser/samples.mjs [path of chromium]
// Needs curl, python3, php, mcs and mono. Ends with exit code 1 at the first sample that does not do what the form says.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../processes.mjs';
import { newKey, openDocs, startWithKeys, withBrowser } from './support.mjs';

const [executablePath] = process.argv.slice(2);
const folder = temporaryFolder();

async function run(command, ...args) {
  const { stdout } = await promisify(execFile)(command, args, { timeout: 60_000 });
  return stdout;
}

function fileOf(name, text) {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** Language → what runs a sample. */
const RUNNERS = {
  curl: (text) => run('sh', fileOf('sample.sh', text)),
  JavaScript: (text) => run(process.execPath, fileOf('sample.js', text)),
  Python: (text) => run('python3', fileOf('sample.py', text)),
  PHP: (text) => run('php', fileOf('sample.php', text)),
  'C#': async (text) => {
    const program = join(folder, 'sample.exe');
    await run('mcs', '-r:System.Net.Http', `-out:${program}`, fileOf('sample.cs', text));
    return run('mono', program);
  },
};

/** What languages hold for their own in texts. */
const SPECIAL = [
  'O\'Brien & "Söhne" <Ωmega> \u{1F600} ‘typographic’ “quotes” ‚low‛',
  '\'\'\' """ ``` \\\' \\" \\\\ \\n \\u0041 \\x41 C:\\new\\table\\',
  '${PATH} $PATH $(id) `id` %PATH% %s {0} {$x} #{x} {{x}} !x !! @"x" @x ~ * ? ; | &',
  'EOF; ?> <?php // # -- /* */ \u2028\u2029\u0085 end\\',
];

const LEADS = [
  JSON.stringify({ email: 'first@example.com', attributes: { FirstName: 'Jane' } }),
  ...SPECIAL.map((value, index) =>
    JSON.stringify(
      { email: `special${index}@example.com`, attributes: { FirstName: value, Company: `${value}\nline` } },
      null,
      2,
    ),
  ),
  `\n\n{ "email" :\n\t"spaced@example.com",   "attributes":{"FirstName":"'\\"$\\\\"}}\n`,
  '@not-json',
  `{"email": 'x'`,
];

async function check(page, gateway) {
  const operation = page.locator('.opblock.is-open');
  const store = async () => (await (await fetch(`${gateway.sandboxUrl}/_sandbox/leads`)).json()).leads;
  const samples = operation.getByRole('region', { name: 'Code samples' });
  let count = 0;
  for (const lead of LEADS) {
    await operation.locator('textarea').fill(lead);
    for (const [title, runSample] of Object.entries(RUNNERS)) {
      await samples.getByRole('tab', { name: title, exact: true }).click();
      const text = await samples.locator('code').evaluate((code) => code.textContent);
      await fetch(`${gateway.sandboxUrl}/_sandbox/leads`, { method: 'DELETE' });
      const said = await runSample(text);
      const parsed = parse(lead);
      const what = `${title}\n${text}\n${said}`;
      if (parsed === undefined) {
        assert.match(said, /\b400\b[^]*malformed-json/, what);
      } else {
        assert.match(said, /\b201\b[^]*"status":"CREATED"/, what);
        const [stored] = await store();
        assert.equal(stored.email, parsed.email, what);
        for (const [name, value] of Object.entries(parsed.attributes)) {
          assert.equal(valueOf(stored, name), value, `${name}: ${what}`);
        }
      }
      count += 1;
    }
  }
  return count;
}

const valueOf = ({ attributes }, name) =>
  Array.isArray(attributes)
    ? attributes.find((attribute) => attribute.name === name)?.value
    : attributes[name];

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const { key, entry } = newKey('secret', { name: 'back-end', attributes: ['*'], returnLead: true });
const gateway = await startWithKeys([entry]);
try {
  await withBrowser(executablePath, async (browser) => {
    const page = await browser.newPage();
    await openDocs(page, gateway.url, key);
    const count = await check(page, gateway);
    process.stdout.write(
      `${count} samples in ${Object.keys(RUNNERS).length} languages do what the form says.\n`,
    );
  });
} finally {
  await gateway.stop();
}
