import { describe, expect, test } from 'vitest';
import {
  fitsAddress,
  syncFrameBytes,
  writeAssociate,
  writeFind,
  writeSync,
} from '../../src/marketo-rest/request.ts';

const query = (values: readonly string[]) =>
  ({ filterType: 'email', values, fields: 'id,email', pageToken: undefined, sentAs: undefined }) as const;

/** As many values as make an address of this many bytes. */
function valuesFor(bytes: number): readonly string[] {
  const empty = writeFind(query([''])).path.length;
  return ['x'.repeat(bytes - empty)];
}

describe('a find', () => {
  test('is an address with its values percent-encoded', () => {
    expect(writeFind(query(['a+b@example.com', 'ü@example.com']))).toEqual({
      method: 'GET',
      path: '/v1/leads.json?filterType=email&filterValues=a%2Bb%40example.com,%C3%BC%40example.com&fields=id,email',
      body: '',
      contentType: undefined,
    });
  });
  test('goes on at a page', () => {
    expect(writeFind({ ...query(['a']), pageToken: 'X=&Y' }).path).toMatch(/&nextPageToken=X%3D%26Y$/);
  });
  test('is a form when its address would have more than 7,500 bytes', () => {
    expect(writeFind(query(valuesFor(7500))).method).toBe('GET');
    const form = writeFind(query(valuesFor(7501)));
    expect(form).toMatchObject({
      method: 'POST',
      path: '/v1/leads.json?_method=GET',
      contentType: 'application/x-www-form-urlencoded',
      body: expect.stringMatching(/^filterType=email&filterValues=x+&fields=id,email$/),
    });
    expect(fitsAddress(form)).toBe(true);
    expect(fitsAddress(writeFind(query(valuesFor(8200))))).toBe(false);
  });
  test('is what it must be, whatever its length', () => {
    expect(writeFind({ ...query(['a']), sentAs: 'form' }).method).toBe('POST');
    expect(writeFind({ ...query(valuesFor(7600)), sentAs: 'address' }).method).toBe('GET');
  });
});

test('a sync has its leads in one list', () => {
  const leads = ['{"email":"a@example.com"}', '{"email":"ü@example.com"}'];
  const { body } = writeSync('createOrUpdate', 'email', 'Zürich "1"', leads);
  expect(JSON.parse(body)).toEqual({
    action: 'createOrUpdate',
    lookupField: 'email',
    partitionName: 'Zürich "1"',
    input: [{ email: 'a@example.com' }, { email: 'ü@example.com' }],
  });
  const frame = syncFrameBytes('createOrUpdate', 'email', 'Zürich "1"');
  expect(Buffer.byteLength(body)).toBe(frame + Buffer.byteLength(leads.join(',')));
});

test('an association has its cookie percent-encoded once, no body and a content type', () => {
  expect(writeAssociate(7, 'id:1&token:a b')).toEqual({
    method: 'POST',
    path: '/v1/leads/7/associate.json?cookie=id%3A1%26token%3Aa%20b',
    body: '',
    contentType: 'application/json',
  });
});

test('no path has two slashes in a row', () => {
  const paths = [
    writeFind(query(['a'])).path,
    writeAssociate(1, 'c').path,
    writeSync('a', 'b', undefined, []).path,
  ];
  for (const path of paths) expect(path).not.toContain('//');
});
