import { expect, test } from 'vitest';
import { checkUpstream } from '../../../src/cli/doctor/upstream.ts';
import { readConfig } from '../../../src/config/config.ts';
import type { Environment } from '../../../src/config/files.ts';
import { runCommand } from '../../support/process.ts';
import { restEnv } from '../../support/rest-command.ts';
import {
  refuse,
  sendJson,
  type RestBehaviour,
  startRestUpstream,
  succeed,
} from '../../support/rest-upstream.ts';
import { startStillSandbox } from '../../support/sandbox.ts';

const SKIPPED = [{ status: 'skipped', reasons: [{ code: '1004', message: 'Lead not found' }] }];

/** What is found beyond the network, with an upstream that does its usual but for `behaviour`. */
async function findingsOf(behaviour: RestBehaviour, more: Environment = {}) {
  const upstream = await startRestUpstream({
    usage: (response) => succeed(response, [{ total: 12 }]),
    ...behaviour,
    call: (response, call, nth) =>
      behaviour.call?.(response, call, nth) ??
      (call.method === 'POST' ? succeed(response, SKIPPED) : undefined),
  });
  const read = readConfig({ ...upstream.env, ...more }, () => '');
  if (!read.ok || read.config.upstream === null) throw new Error('no upstream is configured');
  const findings = await checkUpstream(
    { ...read.config, upstream: read.config.upstream },
    { version: '0.0.0-test', now: Date.now },
  );
  return { findings: findings.slice(2), upstream };
}

async function faultsOf(behaviour: RestBehaviour, more: Environment = {}): Promise<readonly string[]> {
  const { findings } = await findingsOf(behaviour, more);
  return findings
    .filter(({ state }) => state === 'fault')
    .map(({ subject, message }) => `${subject}: ${message}`);
}

const MAPS = {
  MARKETO_FOREIGN_ID_FIELDS: '{"CUSTOM":"crmPersonId","SFDC":"sfdcLeadId|sfdcContactId"}',
  MARKETO_WORKSPACE_PARTITIONS: '{"EMEA":"europe"}',
  MARKETO_DEFAULT_WORKSPACE: 'emea',
};

test('doctor finds nothing wrong with the REST face of the sandbox, and stores nothing', async () => {
  const sandbox = await startStillSandbox();
  const { exitCode, stdout } = await runCommand(['doctor'], { ...restEnv(sandbox), ...MAPS });
  expect(stdout.split('\n').slice(3, -1)).toEqual([
    'ok     credentials: identity gives a token for them',
    expect.stringMatching(/^ok {5}fields: Describe has \d+, \d+ of them attributes with a SOAP name$/),
    'ok     foreign ids: "crmPersonId" of MARKETO_FOREIGN_ID_FIELDS (string) can be searched and written',
    'ok     foreign ids: "sfdcLeadId" of MARKETO_FOREIGN_ID_FIELDS (string) can be searched and written',
    'ok     foreign ids: "sfdcContactId" of MARKETO_FOREIGN_ID_FIELDS (string) can be searched and written',
    'ok     workspace: the API user may use every partition of MARKETO_WORKSPACE_PARTITIONS',
    expect.stringMatching(/^ok {5}calls: \d+ of 50000 \(MARKETO_DAILY_CALLS\) were made today/),
    'ok     credentials: Marketo lets them write leads',
  ]);
  expect(exitCode).toBe(0);
  expect(await sandbox.leads()).toEqual([]);
});

test('doctor says what keeps it from a sandbox that is set up otherwise', async () => {
  const sandbox = await startStillSandbox();
  await sandbox.control('PUT', '/rest', { describeSoapNames: false, readOnly: ['sfdcLeadId'] });
  const { exitCode, stdout } = await runCommand(['doctor'], {
    ...restEnv(sandbox),
    MARKETO_FOREIGN_ID_FIELDS: '{"CUSTOM":"crmId","SFDC":"sfdcLeadId","NETSUITE":"annualRevenue"}',
    MARKETO_WORKSPACE_PARTITIONS: '{"EMEA":"Luna"}',
    MARKETO_DEFAULT_WORKSPACE: 'Mars',
  });
  expect(stdout.split('\n').slice(4, -3)).toEqual([
    expect.stringMatching(
      /^note {3}fields: Describe has \d+, none of them with a SOAP name: attributes need REST/,
    ),
    'fault  foreign ids: Marketo has no field "crmId" of MARKETO_FOREIGN_ID_FIELDS; the REST name is needed',
    'ok     foreign ids: "sfdcLeadId" of MARKETO_FOREIGN_ID_FIELDS (string) is read-only: leads are found by it, but never created',
    'fault  foreign ids: "annualRevenue" of MARKETO_FOREIGN_ID_FIELDS cannot be searched, so no lead can be found by it',
    expect.stringMatching(/^fault {2}workspace: MARKETO_DEFAULT_WORKSPACE has no partition/),
    expect.stringMatching(
      /^fault {2}workspace: the partition "Luna" of MARKETO_WORKSPACE_PARTITIONS does not exist/,
    ),
  ]);
  expect(exitCode).toBe(1);
});

test('a call that finds no lead to update proves the right to write, and stores nothing', async () => {
  const { findings, upstream } = await findingsOf({});
  expect(findings.at(-1)).toEqual({
    state: 'ok',
    subject: 'credentials',
    message: 'Marketo lets them write leads',
  });
  expect(upstream.syncs()).toEqual([
    { action: 'updateOnly', lookupField: 'id', input: [{ id: 2_147_483_647 }] },
  ]);
});

const isWrite = ({ method }: { readonly method: string }) => method === 'POST';

test.each([
  [
    'wrong credentials',
    { token: (response) => sendJson(response, { error: 'invalid_client', error_description: 'no' }, 401) },
    /^credentials: .*client id and the client secret\. \(no\)$/,
  ],
  [
    'a role that may not read leads',
    { call: (response) => refuse(response, '603', 'Access denied') },
    /^credentials: .*role.*; the role needs the permission Read-Only Person or Read-Write Person/,
  ],
  [
    'a role that may only read leads',
    { call: (response, call) => isWrite(call) && refuse(response, '603', 'Access denied') },
    /^credentials: .*; the role needs the permission Read-Write Person/,
  ],
  [
    'a redirect',
    { call: (response) => response.writeHead(302, { Location: 'https://login.example.com/?a=b' }).end() },
    /^answer: Marketo redirects to https:\/\/login\.example\.com\/ \(HTTP status 302\): check the endpoint, MARKETO_REST_ENDPOINT\.$/,
  ],
  [
    'a redirect of identity',
    { token: (response) => response.writeHead(308, { Location: '/' }).end() },
    /^answer: Marketo redirects to http:\/\/127\.0\.0\.1:\d+\/ \(HTTP status 308\): check the endpoint, MARKETO_IDENTITY_ENDPOINT\.$/,
  ],
  [
    'an outage',
    { call: (response) => sendJson(response, '', 503) },
    /^answer: Marketo, or a server in front of it, does not answer right now \(HTTP status 503\)\.$/,
  ],
  [
    'another server',
    { call: (response) => sendJson(response, 'hello') },
    /^answer: Marketo's answer is not JSON, or was cut\.$/,
  ],
  [
    'a lead that cannot exist',
    {
      call: (response, call) =>
        isWrite(call) && succeed(response, [{ id: 2_147_483_647, status: 'updated' }]),
    },
    /^answer: .*that a lead was stored that cannot exist/,
  ],
  [
    'a record that is refused for another reason',
    {
      call: (response, call) =>
        isWrite(call) &&
        succeed(response, [{ status: 'skipped', reasons: [{ code: '1008', message: 'Access denied' }] }]),
    },
    /^answer: .*\(Access denied\)$/,
  ],
  [
    'a day whose quota Marketo says is spent',
    { call: (response) => refuse(response, '607', 'Daily quota reached') },
    /^calls: Marketo's daily quota .* \(Daily quota reached\); the gateway asks again once a minute/,
  ],
  [
    'too many calls in 20 seconds',
    { call: (response) => refuse(response, '606', 'Max rate limit exceeded') },
    /^calls: Marketo accepts no more calls .*; run doctor again in a minute.*MARKETO_MAX_CALLS_PER_20S/,
  ],
  [
    'too many calls, said by HTTP alone',
    { call: (response) => sendJson(response, '', 429) },
    /^calls: Marketo accepts no more calls .*; run doctor again in a minute.*MARKETO_MAX_CALLS_PER_20S/,
  ],
  [
    'too many calls at a time, at the last',
    { call: (response, call) => isWrite(call) && refuse(response, '615', 'Concurrent access limit') },
    /^calls: Marketo accepts no more calls .*; run doctor again in a minute.*MARKETO_MAX_CONCURRENT/,
  ],
  [
    'a day whose calls are used up',
    { usage: (response) => succeed(response, [{ total: 50_000 }]) },
    /^calls: 50000 of 50000 .*; leads are refused until midnight/,
  ],
] as [string, RestBehaviour, RegExp][])('names %s', async (_, behaviour, words) => {
  const behaves: RestBehaviour = {
    ...behaviour,
    ...(behaviour.call !== undefined && {
      call: (...given) => behaviour.call?.(...given) || undefined,
    }),
  };
  expect(await faultsOf(behaves)).toEqual([expect.stringMatching(words)]);
});

test('names a name in MARKETO_FIELD_NAMES whose field is gone', async () => {
  const more = { MARKETO_FIELD_NAMES: '{"Given":"firstName","Pants":"pants"}' };
  expect(await faultsOf({}, more)).toEqual([
    'fields: MARKETO_FIELD_NAMES has "Pants" for "pants", which Marketo does not have',
  ]);
});

test('a count of calls that cannot be had is no fault', async () => {
  const { findings } = await findingsOf({ usage: (response) => refuse(response, '603') });
  expect(findings.filter(({ state }) => state !== 'ok')).toEqual([
    {
      state: 'note',
      subject: 'calls',
      message: expect.stringMatching(/^how many were made today is not known/),
    },
  ]);
});

test('names the variable of a host that does not exist', async () => {
  const more = { MARKETO_IDENTITY_ENDPOINT: 'https://nowhere.invalid/identity' };
  const { findings } = await findingsOf({}, more);
  expect(findings).toEqual([
    {
      state: 'fault',
      subject: 'DNS',
      message: expect.stringMatching(/nowhere\.invalid in MARKETO_IDENTITY_ENDPOINT cannot be looked up/),
    },
  ]);
});
