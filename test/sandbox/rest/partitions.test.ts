import { beforeEach, describe, expect, test } from 'vitest';
import { type RestClient, restClient } from '../../support/rest.ts';
import { email, id, startStillSandbox, type StillSandbox } from '../../support/sandbox.ts';
import { A, FIRST } from './results.ts';

let sandbox: StillSandbox;
let rest: RestClient;

beforeEach(async () => {
  sandbox = await startStillSandbox();
  rest = restClient(sandbox);
});

const partitions = async () => (await rest.request('GET', '/leads/partitions.json')).json.result;
const reasonOf = ([result]: any[]) => result.reasons?.[0].code ?? result.status;

describe('the partitions', () => {
  test('are those of the workspaces', async () => {
    expect(await partitions()).toEqual([
      { id: 1, name: 'Default' },
      { id: 2, name: 'Europe' },
    ]);
    await sandbox.control('PUT', '/workspaces', {
      workspaces: [
        { name: 'Default', primaryPartition: 'Main' },
        { name: 'Asia', primaryPartition: 'East' },
        { name: 'Japan', primaryPartition: 'East' },
      ],
    });
    expect(await partitions()).toEqual([
      { id: 1, name: 'Main' },
      { id: 2, name: 'East' },
    ]);
    await sandbox.control('PUT', '/workspaces', { enabled: false });
    expect(await partitions()).toEqual([{ id: 1, name: 'Default' }]);
  });

  test('and of assignment rules, and those that are put, without the ones that the client may not use', async () => {
    await sandbox.control('PUT', '/assignment-rules', {
      rules: [{ attribute: 'Country', equals: 'Japan', partition: 'Asia' }],
    });
    const all = await sandbox.control('PUT', '/partitions', {
      partitions: [
        { name: 'Europe', access: false },
        { name: 'Archive', description: 'Old leads' },
      ],
    });
    expect(all.partitions).toEqual([
      { id: 1, name: 'Default', access: true },
      { id: 2, name: 'Europe', access: false },
      { id: 3, name: 'Asia', access: true },
      { id: 4, name: 'Archive', access: true, description: 'Old leads' },
    ]);
    expect(await partitions()).toEqual([
      { id: 1, name: 'Default' },
      { id: 3, name: 'Asia' },
      { id: 4, name: 'Archive', description: 'Old leads' },
    ]);
  });
});

describe('a sync', () => {
  test.each(['Europe', 'europe'])('puts a new lead into the partition %s', async (partitionName) => {
    await rest.results([{ email: A }], { partitionName });
    expect(await sandbox.leads()).toMatchObject([{ partition: 'Europe' }]);
    expect(await rest.find('email', A, 'leadPartitionId')).toEqual([{ id: FIRST, leadPartitionId: 2 }]);
  });

  test('without a name: into that of an assignment rule, else of the workspace Default', async () => {
    await sandbox.control('PUT', '/assignment-rules', {
      rules: [{ attribute: 'Country', equals: 'Japan', partition: 'Asia' }],
    });
    await rest.results([{ email: A, country: 'Japan' }, { email: 'b@example.com' }]);
    await rest.results([{ email: 'c@example.com', country: 'Japan' }], { partitionName: 'Europe' });
    expect((await sandbox.leads()).map(({ partition }) => partition)).toEqual(['Asia', 'Default', 'Europe']);
  });

  test('holds for all records of the call', async () => {
    await rest.results([{ email: A }, { email: 'b@example.com' }], { partitionName: 'Europe' });
    expect((await sandbox.leads()).map(({ partition }) => partition)).toEqual(['Europe', 'Europe']);
  });

  test.each(['email', 'id'])(
    'does not update a lead in another partition, found by %s',
    async (lookupField) => {
      await sandbox.sync(email(A), { workspace: 'Europe' });
      const record = { email: { email: A }, id: { id: FIRST } }[lookupField];
      const sync = (partitionName?: string) =>
        rest.results([{ ...record, firstName: 'Ann' }], {
          lookupField,
          ...(partitionName && { partitionName }),
        });
      expect(await sync('Default')).toEqual([
        { status: 'skipped', reasons: [{ code: '1010', message: 'Partition update not allowed' }] },
      ]);
      expect(await sync('EUROPE')).toEqual([{ id: FIRST, status: 'updated' }]);
      expect(await sync()).toEqual([{ id: FIRST, status: 'updated' }]);
    },
  );

  test('an empty name stands for no partition', async () => {
    expect(reasonOf(await rest.results([{ email: A }], { partitionName: '' }))).toBe('created');
    expect(reasonOf(await rest.results([{ email: A }], { partitionName: null }))).toBe('updated');
  });

  test('without workspaces there is one partition', async () => {
    await sandbox.control('PUT', '/workspaces', { enabled: false });
    expect(reasonOf(await rest.results([{ email: A }], { partitionName: 'Europe' }))).toBe('1008');
    expect(reasonOf(await rest.results([{ email: A }], { partitionName: 'Default' }))).toBe('created');
  });
});

describe('a partition that the client may not use', () => {
  beforeEach(async () => {
    await sandbox.sync(email(A), { workspace: 'Europe' });
    await sandbox.control('PUT', '/partitions', { partitions: [{ name: 'Europe', access: false }] });
  });

  test('takes no lead, and no update of the leads in it', async () => {
    const europe = { partitionName: 'Europe' };
    const denied = [
      { status: 'skipped', reasons: [{ code: '1008', message: "Access denied to partition 'Europe'" }] },
    ];
    expect(await rest.results([{ email: 'b@example.com' }], europe)).toEqual(denied);
    expect(await rest.results([{ email: A }], europe)).toEqual(denied);
    expect(await rest.results([{ email: A }])).toEqual(denied);
    expect(reasonOf(await rest.results([{ email: A }], { partitionName: 'Default' }))).toBe('1010');
  });

  test('shows no leads', async () => {
    expect(await rest.find('email', A)).toEqual([]);
    expect(await rest.find('leadPartitionId', 2)).toEqual([]);
    expect((await rest.request('GET', `/lead/${FIRST}.json`)).code).toBe('1004');
    const cookie = encodeURIComponent('id:1&token:2');
    expect((await rest.request('POST', `/leads/${FIRST}/associate.json?cookie=${cookie}`)).code).toBe('1004');
    const [deleted] = (await rest.request('POST', `/leads/delete.json?id=${FIRST}`)).json.result;
    expect(deleted).toMatchObject({ status: 'skipped' });
    expect((await sandbox.sync(id(FIRST))).status).toBe('UPDATED');
  });
});
