import { expect, test } from 'vitest';
import { checkUpstream } from '../../../src/cli/doctor/upstream.ts';
import { readConfig } from '../../../src/config/config.ts';
import {
  refuse,
  sendJson,
  type RestBehaviour,
  startRestUpstream,
  succeed,
} from '../../support/rest-upstream.ts';

async function findingsOf(behaviour: RestBehaviour) {
  const upstream = await startRestUpstream(behaviour);
  const read = readConfig(upstream.env, () => '');
  if (!read.ok || read.config.upstream === null) throw new Error('no upstream is configured');
  const { config } = read;
  const findings = await checkUpstream(
    { ...config, upstream: read.config.upstream },
    { version: '0.0.0-test', now: Date.now },
  );
  return { findings: findings.slice(2), upstream };
}

test('a call that finds no lead to update proves the right to write, and stores nothing', async () => {
  const { findings, upstream } = await findingsOf({
    call: (response) =>
      succeed(response, [{ status: 'skipped', reasons: [{ code: '1004', message: 'Lead not found' }] }]),
  });
  expect(findings).toEqual([
    { state: 'ok', subject: 'credentials', message: 'Marketo accepts them and lets them write leads' },
  ]);
  expect(upstream.syncs()).toEqual([
    { action: 'updateOnly', lookupField: 'id', input: [{ id: 2_147_483_647 }] },
  ]);
});

test.each([
  [
    'wrong credentials',
    { token: (response) => sendJson(response, { error: 'invalid_client', error_description: 'no' }, 401) },
    'credentials',
    /client id and the client secret\. \(no\)$/,
  ],
  [
    'a missing permission',
    { call: (response) => refuse(response, '603', 'Access denied') },
    'credentials',
    /role/,
  ],
  ['another server', { call: (response) => sendJson(response, 'hello') }, 'answer', /is not JSON/],
] as [string, RestBehaviour, string, RegExp][])('%s', async (_, behaviour, subject, message) => {
  const { findings } = await findingsOf(behaviour);
  expect(findings).toEqual([{ state: 'fault', subject, message: expect.stringMatching(message) }]);
});
