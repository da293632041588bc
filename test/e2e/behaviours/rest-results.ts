import { gzipSync } from 'node:zlib';
import { BAD, BROKEN, type OwnRow, REJECTED, says, skips } from './rest-row.ts';

const result = (json: string) => says(`{"requestId":"1#2","success":true,"result":${json}}`);

/** A sync succeeds, but its result is not one record for one lead. */
export const RESULTS: readonly OwnRow[] = [
  ['no result', says('{"success":true}'), BAD],
  ...['null', '{}', '"updated"', '[]', '[null]', '[[]]', '["updated"]', '[5]'].map((json): OwnRow => [
    `the result ${json}`,
    result(json),
    BAD,
  ]),
  ['two results', result('[{"id":1,"status":"updated"},{"id":2,"status":"updated"}]'), BAD],
  ['no status', result('[{"id":1}]'), BAD],
  ...['"Updated"', '"failed"', '""', 'null', 'true', '1', '["updated"]'].map((status): OwnRow => [
    `the status ${status}`,
    result(`[{"id":1,"status":${status}}]`),
    BAD,
  ]),
  ['no id', result('[{"status":"updated"}]'), BAD],
  ...['null', '0', '-1', '1.5', '2147483648', '1e99', '"1"', '{}', '[1]', 'true'].map((id): OwnRow => [
    `the id ${id}`,
    result(`[{"id":${id},"status":"updated"}]`),
    BAD,
  ]),
];

const because = (...codes: readonly unknown[]) =>
  skips(codes.map((code) => ({ code, message: `because of ${String(code)}` })));

/** The record is refused. */
export const RECORDS: readonly OwnRow[] = [
  ['1004', because('1004'), '404 lead-not-found'],
  ['1013', because('1013'), '404 lead-not-found'],
  ['1005', because('1005'), BROKEN],
  ['1006', because('1006'), '422 unknown-attribute'],
  ...['1001', '1002', '1003', '1007', '1008', '1009', '1010', '1011', '1012'].map((code): OwnRow => [
    code,
    because(code),
    REJECTED,
  ]),
  ...['1018', '1021', '1022', '1036', '1099', '1999'].map((code): OwnRow => [code, because(code), REJECTED]),
  ...['600', '601', '604', '606', '607', '611', '713', '799', '2000', 'E1', null, true].map(
    (code): OwnRow => [String(code), because(code), BROKEN],
  ),
  ['a number', because(1007), REJECTED],
  ['two reasons, of which the first decides', because('1007', '1006'), REJECTED],
  ['no reasons', skips(), BROKEN],
  ['an empty list of reasons', skips([]), BROKEN],
  ['reasons that are no list', skips('1007'), BROKEN],
  ['reasons with null in them', skips([null]), BROKEN],
  ['a reason without a code', skips([{ message: 'no' }]), BROKEN],
  ['a reason without a message', skips([{ code: '1007' }]), REJECTED],
  [
    'a skipped record with an id',
    result('[{"id":5,"status":"skipped","reasons":[{"code":"1007","message":"m"}]}]'),
    REJECTED,
  ],
];

const UPDATED = '{"requestId":"1#2","success":true,"result":[{"id":5,"status":"updated"}]}';
const OK = '200 UPDATED';

/** All that differs from the usual answer and still is a success. */
export const SUCCESSES: readonly OwnRow[] = [
  [
    'members that are not known',
    says('{"success":true,"more":1,"result":[{"id":5,"status":"updated","x":[]}]}'),
    OK,
  ],
  ['warnings', says(UPDATED.replace('{', '{"warnings":["w"],"errors":[],')), OK],
  ['errors that are null', says(UPDATED.replace('{', '{"errors":null,')), OK],
  ['a byte order mark and blanks', says(`\uFEFF ${UPDATED} \n`), OK],
  ['no content type', says(UPDATED, 200, { 'Content-Type': '' }), OK],
  ['text', says(UPDATED, 200, { 'Content-Type': 'text/plain' }), OK],
  ['gzip', says(gzipSync(UPDATED), 200, { 'Content-Encoding': 'gzip' }), OK],
  ['an encoding of nothing', says(UPDATED, 200, { 'Content-Encoding': 'identity' }), OK],
  ['chunks', says(UPDATED, 200, { 'Transfer-Encoding': 'chunked' }), OK],
  ['a connection that closes', says(UPDATED, 200, { Connection: 'close' }), OK],
  ['the largest id', result('[{"id":2147483647,"status":"updated"}]'), OK],
  ['an id with an exponent', result('[{"id":1e2,"status":"updated"}]'), OK],
  ['an id with a fraction of nothing', result('[{"id":5.0,"status":"updated"}]'), OK],
  ['a request id that is a number', says(UPDATED.replace('"1#2"', '7')), OK],
  ['a lead that was created', result('[{"id":5,"status":"created"}]'), '201 CREATED'],
  ['stored with reasons', result('[{"id":5,"status":"updated","reasons":[{"code":"1007"}]}]'), OK],
];

const NO_LEAD = REJECTED;
const FOUND = '201 CREATED';

/** What a find by a cookie answers; `TOKEN` stands for the cookie's token, and the lead that is found is created after. */
export const FINDS: readonly OwnRow[] = [
  ['no result', says('{"success":true}'), BAD],
  ...['null', '{}', '"x"', '[null]', '[5]', '[[]]'].map((json): OwnRow => [
    `the result ${json}`,
    result(json),
    BAD,
  ]),
  ['no lead', result('[]'), NO_LEAD],
  ['a lead that was not asked for', result('[{"id":7,"cookies":"_mch-other-1"}]'), NO_LEAD],
  ...['null', '"7"', '0', '-1', '1.5', '2147483648', 'true'].map((id): OwnRow => [
    `the id ${id}`,
    result(`[{"id":${id},"cookies":"TOKEN"}]`),
    BAD,
  ]),
  ['no id', result('[{"cookies":"TOKEN"}]'), BAD],
  ['a value that is a list', result('[{"id":7,"cookies":["TOKEN"]}]'), BAD],
  ['a lead', result('[{"id":7,"cookies":"TOKEN"}]'), FOUND],
  ['a lead twice', result('[{"id":7,"cookies":"TOKEN"},{"id":7,"cookies":"TOKEN"}]'), FOUND],
  ['a lead without the field, the only one', result('[{"id":7}]'), FOUND],
  ['a lead whose field is null, the only one', result('[{"id":7,"cookies":null}]'), FOUND],
  ['two leads', result('[{"id":7,"cookies":"TOKEN"},{"id":8,"cookies":"TOKEN"}]'), REJECTED],
  ['two leads without the field', result('[{"id":7},{"id":8}]'), REJECTED],
  ...[`"${'x'.repeat(2001)}"`, '"\\n"', '"\u00e9"', 'true', '{}'].map((token): OwnRow => [
    `a next page that cannot be asked for, ${token.slice(0, 10)}`,
    says(`{"success":true,"result":[],"nextPageToken":${token}}`),
    BAD,
  ]),
  [
    'an empty token of a next page',
    says('{"success":true,"result":[{"id":7}],"nextPageToken":"","moreResult":true}'),
    FOUND,
  ],
  ['pages without an end', says('{"success":true,"result":[],"nextPageToken":"AGAIN"}'), `${BAD}, 10 calls`],
  [
    'too many results',
    says('{"success":false,"errors":[{"code":"1003","message":"Too many results match the filter"}]}'),
    REJECTED,
  ],
];
