import { expect, test } from 'vitest';
import { runCommand } from '../support/process.ts';
import { startRestUpstream, succeed } from '../support/rest-upstream.ts';
import { restClient } from '../support/rest.ts';
import { fileOf, restEnv } from '../support/rest-command.ts';
import { startStillSandbox } from '../support/sandbox.ts';

const MAPS = {
  MARKETO_FOREIGN_ID_FIELDS: '{"CUSTOM":"crmPersonId","SFDC":"sfdcLeadId|sfdcContactId","NETSUITE":"title"}',
  MARKETO_WORKSPACE_PARTITIONS: '{"EMEA":"Europe","Moon":"Luna"}',
};

const CALLS = ['identity', 'describe', 'describe2', 'partitions'];

async function check(lines: readonly string[], args: readonly string[] = []) {
  const sandbox = await startStillSandbox();
  const file = fileOf('leads.jsonl', lines);
  const result = await runCommand(['check-leads', file, ...args], { ...restEnv(sandbox), ...MAPS });
  expect(await sandbox.leads()).toEqual([]);
  return { ...result, sandbox };
}

test('check-leads takes leads that the gateway would send, and writes none of them', async () => {
  const { exitCode, stdout, stderr, sandbox } = await check([
    '{"email":"jane@example.com","attributes":{"FirstName":"Jane","LeadScore":62,"Unsubscribed":true}}',
    '',
    '{"id":7,"workspace":"emea","attributeList":[{"name":"company","value":null}]}',
    '{"foreignSysPersonId":"00Q1","foreignSysType":"SFDC","marketoCookie":"id:287-GTJ-838&token:a"}',
  ]);
  expect(stderr).toBe('');
  expect(stdout).toBe('3 leads, none of them would be refused\n');
  expect(exitCode).toBe(0);
  // One call for each fact, however many leads there are.
  expect((await sandbox.calls()).map(({ operation }) => operation)).toEqual(CALLS);
});

test('check-leads tells every reason with the number of the line', async () => {
  const { exitCode, stdout } = await check([
    '{"email":"jane@example.com","attributes":{"Pants":"1","InferredCompany":"x","LeadScore":"many"}}',
    '\r',
    '{"email":"jane@example.com"',
    '{"email":"jane@example.com","attributeList":[{"name":"FirstName","value":"a"},{"name":"firstName","value":"b"}]}',
    '{"foreignSysPersonId":"1","foreignSysType":"CUSTOM","workspace":"Mars"}',
    '{"foreignSysPersonId":"1","foreignSysType":"SFDC","attributes":{"pants":1}}',
    '{"foreignSysPersonId":"1","foreignSysType":"NETSUITE"}',
    '{"email":"jane@example.com","workspace":"Moon"}',
    '{"emial":"jane@example.com"}',
  ]);
  expect(exitCode).toBe(1);
  expect(stdout.trimEnd().split('\n')).toEqual([
    'line 1: #/attributes/Pants is not the name of a field in Marketo (unknown-attribute)',
    'line 1: #/attributes/InferredCompany is a field that the REST API cannot write (lead-rejected)',
    'line 1: #/attributes/LeadScore does not fit its field in Marketo, which takes a whole number of 32 bits (lead-rejected)',
    expect.stringMatching(/^line 3: column 28: .* \(malformed-json\)$/),
    'line 4: #/attributeList/1/name is another name of a field that the lead has already (validation-failed)',
    'line 5: #/workspace has no partition in MARKETO_WORKSPACE_PARTITIONS (lead-rejected)',
    'line 6: #/foreignSysPersonId must be the id of a lead (00Q…) or of a contact (003…) in Salesforce (validation-failed)',
    'line 6: #/attributes/pants is not the name of a field in Marketo (unknown-attribute)',
    expect.stringMatching(
      /^line 7: #\/foreignSysType Marketo cannot find leads by the field .* \(upstream-error\)$/,
    ),
    'line 8: #/workspace has the partition "Luna", which Marketo does not have or the API user may not use (lead-rejected)',
    'line 9: #/emial is not a member of a lead; did you mean email? (validation-failed)',
    expect.stringMatching(/^line 9: needs at least one of id, .* \(validation-failed\)$/),
    '8 leads, 8 of them would be refused',
  ]);
});

test('check-leads --json gives the same to programs', async () => {
  const { exitCode, stdout } = await check(
    ['{"email":"jane@example.com"}', '{"email":"jane@example.com","attributes":{"Pants":"1"}}'],
    ['--json'],
  );
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toEqual({
    isOk: false,
    leads: 2,
    refused: 1,
    problems: [
      {
        line: 2,
        error: 'unknown-attribute',
        pointer: '#/attributes/Pants',
        detail: 'is not the name of a field in Marketo',
      },
    ],
  });
});

test('a line that is longer than a body may be is refused, and the next one is read', async () => {
  const long = JSON.stringify({ email: 'jane@example.com', attributes: { City: 'x'.repeat(2_000_000) } });
  const { stdout } = await check([long, '{"email":"joe@example.com"}']);
  expect(stdout).toMatch(/^line 1: The body has more than 1048576 bytes.*\n2 leads, 1 of them/);
});

test('a value longer than its field is told', async () => {
  const body = JSON.stringify({ email: 'jane@example.com', attributes: { City: 'x'.repeat(256) } });
  const { stdout } = await check([body]);
  expect(stdout).toMatch(/^line 1: #\/attributes\/City is longer than its field in Marketo, which has 255/);
});

/** Values of all kinds, for fields of all types. */
const VALUES = [
  '',
  ' ',
  '0',
  '1',
  '01',
  '+7',
  '-7',
  '12.5',
  '.5',
  '1e3',
  '1e400',
  'true',
  'FALSE',
  'yes',
  'x',
  '2147483647',
  '2147483648',
  '99999999999',
  '2024-02-29',
  '2023-02-29',
  '2024-13-01',
  '2024-01-31T10:00:00Z',
  '2024-01-31T25:00:00Z',
  '2024-01-31T10:00:00.123+0100',
  '2024-01-31 10:00',
  '31.01.2024',
  'a@b',
  'a b@c',
  0,
  1,
  -1,
  12.5,
  1e-7,
  true,
  false,
  null,
] as const;
const FIELDS = new Set([
  'City',
  'LeadScore',
  'AnnualRevenue',
  'Urgency',
  'Unsubscribed',
  'DateofBirth',
  'Website',
  'MainPhone',
]);

test('check-leads refuses the values that the sandbox refuses, and no others', async () => {
  const sandbox = await startStillSandbox();
  const fields = (await restClient(sandbox).request('GET', '/leads/describe.json')).json.result as any[];
  const names = fields
    .filter(({ soap, rest }) => FIELDS.has(soap?.name) && !rest.readOnly)
    .map(({ soap }) => soap.name as string);
  expect(names.length).toBeGreaterThan(6);
  const cases = names.flatMap((name) => VALUES.map((value) => ({ name, value })));
  const lines = cases.map(({ name, value }) =>
    JSON.stringify({ email: 'jane@example.com', attributes: { [name]: value } }),
  );
  const { stdout } = await runCommand(
    ['check-leads', fileOf('leads.jsonl', lines), '--json'],
    restEnv(sandbox),
  );
  const refused = new Set((JSON.parse(stdout).problems as any[]).map(({ line }) => line - 1));
  const client = restClient(sandbox);
  const results: any[] = [];
  for (let from = 0; from < cases.length; from += 300) {
    const records = cases.slice(from, from + 300).map(({ name, value }) => recordOf(fields, name, value));
    results.push(...(await client.results(records)));
  }
  const differences = cases.filter(
    (_, index) => (results[index].status === 'skipped') !== refused.has(index),
  );
  expect(differences).toEqual([]);
});

/** A record as the gateway writes it (docs/marketo-rest.md#values). */
function recordOf(fields: readonly any[], name: string, value: (typeof VALUES)[number]) {
  const { rest, dataType } = fields.find(({ soap }) => soap?.name === name);
  const isText = !['boolean', 'integer', 'score', 'float', 'currency', 'percent'].includes(dataType);
  const plain = typeof value === 'number' ? value.toLocaleString('en', { useGrouping: false }) : value;
  const text = typeof value === 'boolean' ? (value ? '1' : '0') : plain;
  const number = typeof value === 'boolean' && dataType !== 'boolean' ? Number(value) : value;
  return { email: 'jane@example.com', [rest.name]: isText ? text : number };
}

test.each([
  [['check-leads'], 64, /^FILE is missing\.\nUsage: lead-gateway check-leads FILE \[options\]/],
  [['check-leads', 'a', 'b'], 64, /^unexpected argument b/],
] as const)('%j is refused', async (args, code, message) => {
  const { exitCode, stderr } = await runCommand(args);
  expect(exitCode).toBe(code);
  expect(stderr).toMatch(message);
});

test.each(['describe.json', 'describe2.json'])('without an answer in %s nothing is checked', async (path) => {
  const upstream = await startRestUpstream({
    call: (response, { url }) => (url.endsWith(path) ? succeed(response, [{}]) : undefined),
  });
  const file = fileOf('leads.jsonl', ['{"email":"jane@example.com"}']);
  const env = { ...(upstream.env as Record<string, string>), ...MAPS };
  const { exitCode, stdout, stderr } = await runCommand(['check-leads', file], env);
  expect([exitCode, stdout]).toEqual([1, '']);
  expect(stderr).toContain(`answer to ${path} has no`);
});

test.each([
  ['CSV', ['email,FirstName', 'jane@example.com,Jane']],
  ['one array', ['[', '{"email":"jane@example.com"}', ']']],
])('a file of %s is refused in one sentence', async (_what, lines) => {
  const { exitCode, stdout, stderr } = await check(lines);
  expect([exitCode, stdout]).toEqual([78, '']);
  expect(stderr).toMatch(/^\S+ does not have a lead in JSON on each line: .* --dry-run\n$/);
});

test('a file that is not there is named', async () => {
  const sandbox = await startStillSandbox();
  const { exitCode, stderr } = await runCommand(['check-leads', '/nowhere/leads'], restEnv(sandbox));
  expect(exitCode).toBe(1);
  expect(stderr).toBe('/nowhere/leads does not exist (ENOENT).\n');
});

test('by SOAP alone it tells unknown names, and warns of values', async () => {
  const sandbox = await startStillSandbox({ now: Date.now });
  const file = fileOf('leads.jsonl', [
    '{"email":"jane@example.com","attributes":{"FirstName":"Jane"}}',
    '{"email":"jane@example.com","attributes":{"LeadScore":"many"}}',
    '{"email":"jane@example.com","attributeList":[{"name":"Pants","value":"1"}]}',
  ]);
  const env = sandbox.env as Record<string, string>;
  const { exitCode, stdout } = await runCommand(['check-leads', file], env);
  expect(stdout.trimEnd().split('\n')).toEqual([
    'line 2: #/attributes/LeadScore does not fit its field in Marketo, which takes a whole number of 32 bits (warning)',
    'line 3: #/attributeList/0/name is not the name of a field in Marketo (unknown-attribute)',
    '3 leads, 1 of them would be refused, 1 has values that may not fit',
  ]);
  expect(exitCode).toBe(1);
  expect((await sandbox.calls()).map(({ operation }) => operation)).toEqual(['describeMObject']);
  expect(await sandbox.leads()).toEqual([]);
  const asJson = JSON.parse((await runCommand(['check-leads', file, '--json'], env)).stdout);
  expect([asJson.refused, asJson.problems.length, asJson.warnings.length]).toEqual([1, 1, 1]);
});
