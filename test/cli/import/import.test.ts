import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { SECRET, startKeyedGateway, startTestGateway } from '../../support/gateway.ts';
import { runCommand, runMain } from '../../support/process.ts';
import { EXHAUSTIVE } from '../../support/exhaustive.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'lead-gateway-import-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function fileWith(name: string, content: string | Buffer): string {
  const path = join(folder(), name);
  writeFileSync(path, content);
  return path;
}

/** Attributes of the sandbox's leads, by email. */
async function storedLeads(sandboxUrl: string): Promise<Map<string, Record<string, string>>> {
  const response = await fetch(`${sandboxUrl}/_sandbox/leads?limit=100000`);
  const { leads } = (await response.json()) as {
    leads: { email: string; attributes: Record<string, string> }[];
  };
  return new Map(leads.map(({ email, attributes }) => [email, attributes]));
}

const NO_LIMITS = { MARKETO_MAX_CALLS_PER_20S: '10000000', MARKETO_DAILY_CALLS: '1000000000' };

async function startUnlimited() {
  const gateway = await startTestGateway(NO_LIMITS);
  await fetch(`${gateway.sandboxUrl}/_sandbox/limits`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"enabled":false}',
  });
  return gateway;
}

test('a CSV file with semicolons, quotes, line breaks, umlauts and a byte order mark is stored as it is', async () => {
  const { url, sandboxUrl } = await startTestGateway();
  const csv =
    '\uFEFFE-Mail;FirstName;Last;Company;Secret\r\n' +
    'anna@example.com;Änne;"Müller; ""Mü""";Zeile;x\r\n' +
    '\r\n' +
    'bert@example.com;;"two\r\nlines";"a ""quote""";x\r\n';
  const file = fileWith('people.csv', csv);
  const args = ['import', file, '--url', url, '--map', 'E-Mail=email,Last=LastName,Secret='];
  const { exitCode, stdout, stderr } = await runCommand(args);
  expect(stderr).toBe('');
  expect(stdout).toBe('2 rows: 2 stored, 0 failed\n');
  expect(exitCode).toBe(0);
  const leads = await storedLeads(sandboxUrl);
  expect(leads.get('anna@example.com')).toMatchObject({
    FirstName: 'Änne',
    LastName: 'Müller; "Mü"',
    Company: 'Zeile',
  });
  expect(leads.get('bert@example.com')).toMatchObject({ LastName: 'two\r\nlines', Company: 'a "quote"' });
  expect(leads.get('bert@example.com')).not.toHaveProperty('Secret');
  expect(existsSync(`${file}.import-state.json`)).toBe(false);
});

test.each([
  ['a row with too many cells', 'email,FirstName\na@example.com,A\nb@example.com,B,C\n', /row 3 has 3 cells/],
  ['a quote that is not closed', 'email,FirstName\n"a@example.com,A\n', /row 2: a quote is not closed/],
  [
    'Latin-1',
    Buffer.from('email,FirstName\na@example.com,M\xFCller\n', 'latin1'),
    /not in UTF-8, from about/,
  ],
  ['UTF-16', Buffer.from('\uFEFFemail,FirstName\na@example.com,A\n', 'utf16le'), /not in UTF-8/],
  ['no key', 'E-Mail,FirstName\na@example.com,A\n', /no column has a key of the lead/],
  ['two columns for one member', 'email,Email\na@example.com,b@example.com\n', /both go to email/],
  ['a column twice', 'email,email\na@example.com,b@example.com\n', /has the column "email" twice/],
  [
    'a cell below no name',
    'email;\na@example.com;\nb@example.com;x\n',
    /row 3 has a cell in column 2, which has no name/,
  ],
  ['nothing', '', /it is empty/],
])('of a file with %s nothing is sent', async (_what, content, message) => {
  const { url, sandboxUrl } = await startTestGateway();
  const file = fileWith('people.csv', content);
  const { exitCode, stderr } = await runCommand(['import', file, '--url', url]);
  expect(stderr).toMatch(message);
  expect(exitCode).toBe(78);
  expect((await storedLeads(sandboxUrl)).size).toBe(0);
});

test('after an address at which there is no gateway, the right one is taken', async () => {
  const { url } = await startTestGateway();
  const file = fileWith('people.csv', 'email\na@example.com\n');
  expect((await runCommand(['import', file, '--url', `${url}/wrong`])).exitCode).not.toBe(0);
  const { exitCode, stdout } = await runCommand(['import', file, '--url', url]);
  expect(stdout).toBe('1 row: 1 stored, 0 failed\n');
  expect(exitCode).toBe(0);
});

test(
  'rows that fail are kept with their reasons, and can be imported once they are mended',
  EXHAUSTIVE,
  async () => {
    const { url, sandboxUrl } = await startUnlimited();
    const rows = Array.from({ length: 1500 }, (_, at) =>
      at % 100 === 50 ? `p${at}(at)example.com,P${at}` : `p${at}@example.com,P${at}`,
    );
    const file = fileWith('people.csv', `email,FirstName\n${rows.join('\n')}\n`);
    const first = await runCommand(['import', file, '--url', url]);
    expect(first.stdout).toBe('1500 rows: 1485 stored, 15 failed\n');
    expect(first.exitCode).toBe(1);
    const failedFile = file.replace('.csv', '.failed.csv');
    const [header, line, ...others] = readFileSync(failedFile, 'utf8').trimEnd().split('\n');
    expect(header).toBe('import row,import problem,import detail,email,FirstName');
    expect(line).toMatch(
      /^52,validation-failed,1 member is not valid\. email: [^#]*,p50\(at\)example\.com,P50$/,
    );
    expect(others.length).toBe(14);
    writeFileSync(failedFile, readFileSync(failedFile, 'utf8').replaceAll('(at)', '@'));
    const second = await runCommand(['import', failedFile, '--url', url]);
    expect(second.stdout).toBe('15 rows: 15 stored, 0 failed\n');
    expect((await storedLeads(sandboxUrl)).size).toBe(1500);
    const mended = readFileSync(failedFile, 'utf8');
    expect((await runCommand(['import', file, '--url', url])).exitCode).toBe(1);
    expect(readFileSync(`${failedFile}.old`, 'utf8')).toBe(mended);
  },
);

test.each([
  ['the byte order mark', '\uFEFF'],
  ['no mark', ''],
])('the failed rows of a file that starts with %s start so, too, once', async (_what, mark) => {
  const { url, sandboxUrl } = await startTestGateway();
  const file = fileWith(
    'people.csv',
    `${mark}email;FirstName\nä(at)example.com;Änne\nb(at)example.com;Bj\u00F6rn\n`,
  );
  expect((await runCommand(['import', file, '--url', url])).stdout).toBe('2 rows: 0 stored, 2 failed\n');
  const failedFile = file.replace('.csv', '.failed.csv');
  const failed = readFileSync(failedFile, 'utf8');
  expect(failed.split('\uFEFF').length).toBe(mark === '' ? 1 : 2);
  expect(failed.startsWith(`${mark}import row;import problem;import detail;email;FirstName\n`)).toBe(true);
  // What is corrected and sent again keeps it, too, and its first column is known.
  writeFileSync(failedFile, failed.replace('ä(at)', 'a@'));
  expect((await runCommand(['import', failedFile, '--url', url])).stdout).toBe(
    '2 rows: 1 stored, 1 failed\n',
  );
  expect((await storedLeads(sandboxUrl)).get('a@example.com')).toMatchObject({ FirstName: 'Änne' });
  const again = readFileSync(file.replace('.csv', '.failed.failed.csv'), 'utf8');
  expect(again.startsWith(`${mark}import row;import problem;import detail;email;FirstName\n3;`)).toBe(true);
});

test('an NDJSON file is sent line by line, and a broken line fails alone', async () => {
  const { url, sandboxUrl } = await startTestGateway();
  const file = fileWith(
    'people.ndjson',
    '{"email":"a@example.com","attributes":{"LeadScore":7}}\n\n{"email":\n{"email":"b@example.com"}\n',
  );
  const { exitCode, stdout } = await runCommand(['import', file, '--url', url]);
  expect(stdout).toBe('3 rows: 2 stored, 1 failed\n');
  expect(exitCode).toBe(1);
  const failed = JSON.parse(readFileSync(file.replace('.ndjson', '.failed.ndjson'), 'utf8')) as object;
  expect(failed).toMatchObject({ row: 3, problem: 'malformed-json', lead: '{"email":' });
  expect([...(await storedLeads(sandboxUrl)).keys()].toSorted()).toEqual(['a@example.com', 'b@example.com']);
});

test('a dry run says what would be refused and writes nothing', async () => {
  const { url, sandboxUrl } = await startTestGateway();
  const file = fileWith('people.csv', 'email,FirstNam\na@example.com,A\nb.example.com,\nc@example.com,\n');
  const { exitCode, stdout } = await runCommand(['import', file, '--url', url, '--dry-run']);
  // What is wrong is told once.
  expect(stdout.split('\n').slice(0, 2)).toEqual([
    'row 2: Marketo has no field named FirstNam. Did you mean FirstName? Check the spelling; names are case-sensitive. (unknown-attribute)',
    'row 3: 1 member is not valid. email: must be an email address such as jane@example.com. (validation-failed)',
  ]);
  expect(stdout).toMatch(/\n3 rows, 2 of them would be refused\n$/);
  expect(stdout).not.toMatch(/[.?];/);
  expect(exitCode).toBe(1);
  expect((await storedLeads(sandboxUrl)).size).toBe(0);
  expect(existsSync(file.replace('.csv', '.failed.csv'))).toBe(false);
  expect(existsSync(`${file}.import-state.json`)).toBe(false);
});

test('a dry run tells values that may not fit apart from refusals, row by row', async () => {
  const { url } = await startTestGateway({ MARKETO_UPSTREAM: 'rest' });
  const rows = [
    'a@example.com,17.05.1980,7',
    'b.example.com,,',
    'c@example.com,1980-05-17,7',
    'd@example.com,,x',
  ];
  const file = fileWith('people.csv', `email,DateofBirth,LeadScore\n${rows.join('\n')}\n`);
  const { exitCode, stdout } = await runCommand(['import', file, '--url', url, '--dry-run']);
  expect(stdout.trimEnd().split('\n')).toEqual([
    expect.stringMatching(
      /^row 2: #\/attributes\/DateofBirth does not fit .*, which takes a date.* \(warning\)$/,
    ),
    expect.stringMatching(/^row 3: .*\(validation-failed\)$/),
    expect.stringMatching(/^row 5: .*LeadScore.*\(lead-rejected\)$/),
    '4 rows, 2 of them would be refused, 1 has values that may not fit',
  ]);
  expect(exitCode).toBe(1);
  const doubtful = fileWith('doubtful.csv', `email,DateofBirth\na@example.com,17.05.1980\n`);
  expect((await runCommand(['import', doubtful, '--url', url, '--dry-run'])).exitCode).toBe(0);
});

test(
  'the key comes from a file or the environment, and a wrong one stops the import',
  EXHAUSTIVE,
  async () => {
    const { url, sandboxUrl } = await startKeyedGateway([SECRET]);
    const file = fileWith('people.csv', 'email\na@example.com\n');
    const without = await runCommand(['import', file, '--url', url]);
    expect(without.stderr).toMatch(/The gateway refused the import \(401\).*Check the key/);
    expect(without.exitCode).toBe(1);
    expect((await storedLeads(sandboxUrl)).size).toBe(0);
    // The refusal is told although most of the request has not been read.
    const long = fileWith(
      'long.csv',
      `email,FirstName\n${`a@example.com,${'x'.repeat(4000)}\n`.repeat(1000)}`,
    );
    expect((await runCommand(['import', long, '--url', url])).stderr).toMatch(/\(401\)/);
    const keyFile = fileWith('key', `${SECRET.key}\n`);
    expect((await runCommand(['import', file, '--url', url, '--key-file', keyFile])).exitCode).toBe(0);
    expect(
      (await runCommand(['import', file, '--url', url], { LEAD_GATEWAY_KEY: SECRET.key })).exitCode,
    ).toBe(0);
  },
);

test('leads go by http: to this machine only, unless the operator insists', async () => {
  const file = fileWith('people.csv', 'email\na@example.com\n');
  const { exitCode, stderr } = await runCommand(['import', file, '--url', 'http://leads.example.com']);
  expect(stderr).toContain('--allow-insecure');
  expect(exitCode).toBe(64);
});

test(
  'after a kill the same command goes on where it was, and every row is stored in order',
  EXHAUSTIVE,
  async () => {
    const { url, sandboxUrl } = await startUnlimited();
    // Stands before the gateway and never answers the third batch of the first run.
    let batches = 0;
    const held: (() => void)[] = [];
    const passOn = async (body: Buffer, res: ServerResponse) => {
      const headers = { 'content-type': 'application/x-ndjson' };
      const answer = await fetch(`${url}/leads/batch`, {
        method: 'PUT',
        headers,
        body: new Uint8Array(body),
      });
      res.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      res.end(await answer.text());
    };
    const front = createServer((req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        batches += 1;
        if (batches === 3) for (const tell of held) tell();
        else void passOn(Buffer.concat(chunks), res);
      });
    });
    await new Promise<void>((resolve) => {
      front.listen(0, '127.0.0.1', resolve);
    });
    onTestFinished(() => {
      front.closeAllConnections();
      front.close();
    });
    const isHeld = new Promise<void>((resolve) => {
      held.push(resolve);
    });
    const rows = Array.from({ length: 4200 }, (_, at) =>
      at === 7 ? 'broken,0' : `p${at % 700}@example.com,${at}`,
    );
    const file = fileWith('people.csv', `email,LeadScore\n${rows.join('\n')}\n`);
    const args = ['import', file, '--url', `http://127.0.0.1:${(front.address() as AddressInfo).port}`];
    const first = runMain(args);
    await isHeld;
    first.child.kill('SIGKILL');
    await first.ended;
    expect(JSON.parse(readFileSync(`${file}.import-state.json`, 'utf8'))).toMatchObject({
      rows: 2000,
      failed: 1,
    });

    const second = runMain(args);
    expect(await second.ended).toBe(1);
    expect(second.output().stderr).toContain('Going on after 2000 of 4200 rows.');
    expect(second.output().stdout).toBe('4200 rows: 4199 stored, 1 failed\n');
    expect(batches).toBe(6);
    expect(readFileSync(file.replace('.csv', '.failed.csv'), 'utf8').trimEnd().split('\n').length).toBe(2);
    const leads = await storedLeads(sandboxUrl);
    for (let person = 0; person < 700; person += 1) {
      expect(leads.get(`p${person}@example.com`)?.['LeadScore']).toBe(String(3500 + person));
    }
  },
);
