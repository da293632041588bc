import {
  AWAY,
  BAD,
  BROKEN,
  cut,
  DENIED,
  HTML,
  html,
  noise,
  PASSING,
  refuses,
  REJECTED,
  reset,
  type Row,
  row,
  says,
  UNSETTLED,
} from './rest-row.ts';

const coded = (code: unknown, expected: string, others?: Partial<Row['expected']>): Row =>
  row(`the code ${JSON.stringify(code)}`, refuses(code), expected, others);

/** The lead of a plan has vanished: the plan of a find starts again, once; an id is not found. */
const GONE = { find: '502 upstream-error retryable, 2 calls', associate: '404 lead-not-found' };

/** The call is refused with a code. */
export const CODES: readonly Row[] = [
  ...['600', '601', '602', '603'].map((code) => coded(code, DENIED)),
  coded('604', PASSING, UNSETTLED),
  ...['605', '609', '610', '612', '613', '616'].map((code) => coded(code, BROKEN)),
  ...['608', '611', '713', '719', '500'].map((code) => coded(code, PASSING)),
  ...['614', '502', '503', '504'].map((code) => coded(code, AWAY, UNSETTLED)),
  ...['701', '702', '709', '714', '799'].map((code) => coded(code, BROKEN)),
  ...['1001', '1002', '1003', '1005', '1006', '1010', '1011'].map((code) => coded(code, BROKEN)),
  ...['1004', '1013'].map((code) => coded(code, BROKEN, GONE)),
  coded('1007', BROKEN, { find: REJECTED, associate: REJECTED }),
  ...['1008', '1009'].map((code) => coded(code, REJECTED)),
  coded('1012', BROKEN, { find: REJECTED, associate: REJECTED }),
  ...['1018', '1021', '1022', '1036', '1077', '1999'].map((code) => coded(code, BROKEN)),
  ...['0', '1', '99', '501', '599', '2000', '4711', '20014', '999999999'].map((code) => coded(code, BROKEN)),
  // As numbers, with blanks, and what is no number at all.
  ...[610, 1006].map((code) => coded(code, BROKEN)),
  ...[608, ' 608 '].map((code) => coded(code, PASSING)),
  ...[614].map((code) => coded(code, AWAY, UNSETTLED)),
  ...['E42', '', '-608', '6e2', '6080000000', null, true, [], {}, 608.5, -608].map((code) =>
    coded(code, BROKEN),
  ),
];

/** The answer is something else than a usual refusal, whatever was asked. */
export const ANSWERS: readonly Row[] = [
  row('no errors', says('{"success":false}'), BROKEN),
  row('an empty list of errors', says('{"success":false,"errors":[]}'), BROKEN),
  row('errors that are no list', says('{"success":false,"errors":"610"}'), BROKEN),
  row('errors with null in them', says('{"success":false,"errors":[null]}'), BROKEN),
  row('an error without a code', says('{"success":false,"errors":[{"message":"no"}]}'), BROKEN),
  row('errors without success', says('{"errors":[{"code":"610"}]}'), BROKEN),
  row('errors and a result', says('{"success":false,"errors":[{"code":"608"}],"result":[]}'), PASSING),
  row(
    'two errors, of which the first decides',
    says('{"success":false,"errors":[{"code":"608"},{"code":"603"}]}'),
    PASSING,
  ),
  row('a refusal with HTTP 400', says('{"success":false,"errors":[{"code":"610"}]}', 400), BROKEN),
  row('a refusal with HTTP 500', says('{"success":false,"errors":[{"code":"603"}]}', 500), DENIED),

  ...[201, 400, 401, 403, 404, 405, 409, 501, 505].map((status) =>
    row(`HTTP ${status}`, says('', status), BAD),
  ),
  row('HTTP 204', says('', 204), BAD),
  row('HTTP 413', says('', 413), '413 body-too-large'),
  row('HTTP 413 in HTML', html(413), '413 body-too-large'),
  row('HTTP 414', says('', 414), BROKEN, { find: '502 upstream-error, 2 calls' }),
  row('HTTP 414 in HTML', html(414), BROKEN, { find: '502 upstream-error, 2 calls' }),
  row('HTTP 500', says('', 500), PASSING),
  row('HTTP 500 with text', says('Internal Server Error', 500, { 'Content-Type': 'text/plain' }), PASSING),
  ...[502, 503, 504].map((status) => row(`HTTP ${status}`, says('', status), AWAY, UNSETTLED)),
  ...[200, 400, 403, 404, 500, 502, 503].map((status) =>
    row(`HTML with HTTP ${status}`, html(status), AWAY, UNSETTLED),
  ),
  row('HTML as JSON', says(HTML), AWAY, UNSETTLED),
  row('a page with its DOCTYPE', says(` <!DOCTYPE HTML>${HTML}`), AWAY, UNSETTLED),
  row(
    'JSON as HTML',
    says('{"success":true}', 200, { 'Content-Type': 'text/html;charset=UTF-8' }),
    AWAY,
    UNSETTLED,
  ),
  ...[300, 301, 302, 303, 307, 308].map((status) =>
    row(`a redirect by ${status}`, html(status, { Location: 'https://elsewhere.example.com/' }), BAD),
  ),
  row('a redirect without a target', html(302), BAD),
  row('nothing changed', says('', 304), BAD),

  row('an empty body', says(''), BAD),
  row('blanks', says(' \r\n'), BAD),
  row('a text', says('OK'), BAD),
  row('XML', says('<ok/>'), BAD),
  row('half of a JSON', says('{"success":true,"result":[{"id":'), BAD),
  row('two JSONs', says('{"success":true}{"success":true}'), BAD),
  ...['[]', 'null', 'true', '"success"', '7'].map((json) => row(`the JSON ${json}`, says(json), BAD)),
  ...['"true"', '1', 'null', '{}', '[true]'].map((value) =>
    row(`${value} as success`, says(`{"success":${value},"result":[{"id":5,"status":"updated"}]}`), BAD),
  ),
  row('no success', says('{"result":[{"id":5,"status":"updated"}]}'), BAD),
  row('no members', says('{}'), BAD),
  row('bytes that are not UTF-8', says(Buffer.from([0x7b, 0xff, 0x7d])), BAD),
  row('UTF-16', says(Buffer.from('\uFEFF{"success":true}', 'utf16le')), BAD),
  row('gzip that is not gzip', says('x', 200, { 'Content-Encoding': 'gzip' }), BAD),
  row('a coding that is not known', says('x', 200, { 'Content-Encoding': 'zstd' }), BAD),
  row('too much', says(' '.repeat(5000)), BAD),
  row('too much in HTML', says(HTML + ' '.repeat(5000), 502, { 'Content-Type': 'text/html' }), BAD),
  row('a reset', reset, AWAY, UNSETTLED),
  row('a body that ends too early', cut, AWAY, UNSETTLED),
  row('no HTTP', noise, BAD),
];
