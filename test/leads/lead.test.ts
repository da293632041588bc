import { describe, expect, test } from 'vitest';
import { isSameCommand, type UpsertLead } from '../../src/leads/lead.ts';

describe('two commands are the same', () => {
  const full: UpsertLead = {
    returnLead: false,
    id: 5,
    email: 'a@b.c',
    foreignKey: { id: 'x', type: 'SFDC' },
    marketoCookie: 'c',
    workspace: 'w',
    attributes: [{ name: 'A', value: 1 }],
  };

  test('when all their members are', () => {
    expect(isSameCommand(full, structuredClone(full))).toBe(true);
  });

  test.each<[string, Partial<UpsertLead>]>([
    ['id', { id: 6 }],
    ['email', { email: 'A@b.c' }],
    ['foreign id', { foreignKey: { id: 'y', type: 'SFDC' } }],
    ['foreign type', { foreignKey: { id: 'x', type: 'CUSTOM' } }],
    ['cookie', { marketoCookie: 'd' }],
    ['workspace', { workspace: 'v' }],
    ['returnLead', { returnLead: true }],
    ['value', { attributes: [{ name: 'A', value: '1' }] }],
    ['name', { attributes: [{ name: 'B', value: 1 }] }],
    ['number of attributes', { attributes: [] }],
  ])('but not with another %s', (_what, change) => {
    expect(isSameCommand(full, { ...full, ...change })).toBe(false);
    expect(isSameCommand({ ...full, ...change }, full)).toBe(false);
  });
});
