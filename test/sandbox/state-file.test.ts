import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { attributes, email, foreign, startStillSandbox } from '../support/sandbox.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'sandbox-state-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

describe('the state file', () => {
  test('keeps leads with keys and history, settings and the next id over a restart', async () => {
    const stateFile = join(folder(), 'state.json');
    const first = await startStillSandbox({ stateFile });
    await first.control('POST', '/fields', { name: '__proto__', type: 'text' });
    await first.control('PUT', '/workspaces', { enabled: false });
    await first.control('PUT', '/assignment-rules', {
      rules: [{ attribute: 'Country', equals: 'Japan', partition: 'Asia' }],
    });
    await first.sync(email('a@b.c') + foreign('F1') + attributes({ FirstName: 'Zoë', ['__proto__']: 'x' }), {
      cookie: 'c',
    });
    await first.sync(email('b@b.c'));
    await first.control('POST', '/visits', { cookie: 'anonymous' });
    const before = [
      await first.control('GET', '/leads'),
      await first.control('GET', '/leads/1000001'),
      await first.control('GET', '/fields'),
      await first.control('GET', '/workspaces'),
      await first.control('GET', '/assignment-rules'),
    ];
    await first.close();

    const second = await startStillSandbox({ stateFile });
    expect([
      await second.control('GET', '/leads'),
      await second.control('GET', '/leads/1000001'),
      await second.control('GET', '/fields'),
      await second.control('GET', '/workspaces'),
      await second.control('GET', '/assignment-rules'),
    ]).toEqual(before);
    expect((await second.sync(foreign('F1'))).leadId).toBe(1000001);
    expect((await second.sync('', { cookie: 'c' })).leadId).toBe(1000001);
    expect((await second.sync('', { cookie: 'anonymous' })).leadId).toBe(1000003);
    expect((await second.sync(email('B@b.c'))).leadId).toBe(1000002);
    expect((await second.sync(email('new@b.c'))).leadId).toBe(1000004);
  });

  test('is written while the sandbox runs, whole, and leaves no drafts', async () => {
    const path = folder();
    const stateFile = join(path, 'state.json');
    const timers = createVirtualClock();
    const marketo = await startStillSandbox({ stateFile, timers });
    await marketo.sync(email('a@b.c'));
    await timers.advance(200);
    await marketo.sync(email('b@b.c'));
    const leadCount = () => JSON.parse(readFileSync(stateFile, 'utf8')).leads.length;
    expect(leadCount()).toBe(0);
    await timers.advance(100);
    expect(leadCount()).toBe(2);
    expect(readdirSync(path)).toEqual(['state.json']);
  });

  test("is its owner's alone, and no link is followed to write it", async () => {
    const path = folder();
    const stateFile = join(path, 'state.json');
    const other = join(path, 'other.txt');
    writeFileSync(other, 'not ours');
    // What a crash left, with more rights than it should have, and what somebody else put there.
    writeFileSync(stateFile, state({}), { mode: 0o644 });
    symlinkSync(other, `${stateFile}.tmp`);
    const marketo = await startStillSandbox({ stateFile });
    await marketo.sync(email('a@b.c'));
    await marketo.close();
    expect(readFileSync(other, 'utf8')).toBe('not ours');
    expect(readdirSync(path).toSorted()).toEqual(['other.txt', 'state.json']);
    expect(lstatSync(stateFile).isFile()).toBe(true);
    if (process.platform !== 'win32') expect(statSync(stateFile).mode & 0o777).toBe(0o600);
  });

  test('is made when it is missing', async () => {
    const stateFile = join(folder(), 'new.json');
    await (await startStillSandbox({ stateFile })).close();
    expect(JSON.parse(readFileSync(stateFile, 'utf8'))).toMatchObject({ version: 1, leads: [] });
  });

  test.each([
    ['text that is not JSON', '{"version":1', /is not valid: .*JSON/],
    ['an empty file', '', /is not valid: .*JSON/],
    ['another version', '{"version":2}', /version must be 1/],
    ['a list', '[]', /the state must be an object/],
    ['a lead without an id', state({ leads: [{ attributes: {} }] }), /leads\[0\]\.id must be an integer/],
    [
      'an id that would be given again',
      state({ leads: [lead()], nextId: 5 }),
      /nextId must be above every id/,
    ],
    [
      'an unknown type',
      state({ leads: [{ ...lead(), foreign: { id: '1', type: 'X' } }] }),
      /foreign\.type must be one of/,
    ],
    [
      'an attribute that is not a text',
      state({ leads: [{ ...lead(), attributes: { a: 1 } }] }),
      /attributes\.a must be a string/,
    ],
    ['no workspaces', state({ workspaces: { workspaces: [] } }), /one of them must be named Default/],
  ])('with %s it stops the start, by name, and stays as it was', async (_what, text, message) => {
    const stateFile = join(folder(), 'broken.json');
    writeFileSync(stateFile, text);
    const start = startSandbox({ port: 0, stateFile });
    await expect(start).rejects.toThrow(message);
    await expect(start).rejects.toThrow(stateFile);
    expect(readFileSync(stateFile, 'utf8')).toBe(text);
  });

  test('a path that cannot be read or written stops the start', async () => {
    const path = folder();
    await expect(startSandbox({ port: 0, stateFile: path })).rejects.toThrow(
      `"${path}" is a folder (EISDIR)`,
    );
    const missing = join(path, 'no', 'folder.json');
    await expect(startSandbox({ port: 0, stateFile: missing })).rejects.toThrow(
      `"${missing}" does not exist (ENOENT)`,
    );
  });
});

function state(part: object): string {
  const workspaces = { enabled: true, workspaces: [{ name: 'Default', primaryPartition: 'Default' }] };
  return JSON.stringify({
    version: 1,
    nextId: 1000005,
    leads: [],
    workspaces,
    rules: [],
    fields: [],
    ...part,
  });
}

function lead(): object {
  return {
    id: 1000001,
    email: null,
    foreign: null,
    cookies: [],
    anonymous: false,
    partition: 'Default',
    attributes: {},
    createdAt: 0,
    updatedAt: 0,
    revision: 1,
    history: [],
  };
}
