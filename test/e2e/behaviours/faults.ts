import { envelope, fault, success } from '../../support/answers.ts';
import { badResponse, problem, result, says, type UpstreamBehaviour } from './behaviour.ts';

const ON_500 = { status: 500 };

/** What each fault is to a caller, and whether it may send the request again (docs/errors.md). */
const CODES: readonly (readonly [number, number, string, boolean])[] = [
  [10001, 502, 'upstream-error', true],
  [20011, 502, 'upstream-error', true],
  [20012, 502, 'upstream-error', false],
  [20013, 502, 'upstream-access-denied', false],
  [20014, 502, 'upstream-access-denied', false],
  [20015, 429, 'daily-quota-exhausted', true],
  [20016, 502, 'upstream-clock-skew', false],
  [20017, 502, 'upstream-error', false],
  [20018, 502, 'upstream-error', false],
  [20019, 502, 'upstream-error', false],
  [20023, 429, 'upstream-busy', true],
  [20024, 429, 'upstream-busy', true],
  [20101, 422, 'lead-rejected', false],
  [20102, 422, 'lead-rejected', false],
  [20103, 404, 'lead-not-found', false],
  [20104, 422, 'lead-rejected', false],
  [20105, 422, 'unknown-attribute', false],
  [20106, 422, 'lead-rejected', false],
  [20108, 422, 'lead-rejected', false],
  [20109, 422, 'lead-rejected', false],
  [20110, 422, 'lead-rejected', false],
  [20111, 422, 'lead-rejected', false],
  [20113, 422, 'lead-rejected', false],
  [20114, 422, 'lead-rejected', false],
  [20112, 502, 'upstream-error', false],
  [29999, 502, 'upstream-error', false],
];

const soapFault = (content: string) => envelope(`<SOAP-ENV:Fault>${content}</SOAP-ENV:Fault>`);
const SOAP12_FAULT =
  '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><e:Fault><e:Code><e:Value>e:Sender</e:Value></e:Code><e:Reason><e:Text xml:lang="en">20103 - Lead not found</e:Text></e:Reason></e:Fault></e:Body></e:Envelope>';

const notFound = (message: string) =>
  problem(404, 'lead-not-found', { upstream: { code: 20103, message }, retryable: false });

const rejected = (message?: string) =>
  problem(422, 'lead-rejected', {
    retryable: false,
    ...(message !== undefined && { upstream: { message } }),
  });

/** A failure the first time, a success the second. */
const once = (first: ReturnType<typeof says>): ReturnType<typeof says> => ({
  http: (response, call, index) => (index === 0 ? first : says(success())).http(response, call, index),
});

/** Refuses timestamps that are not within a quarter of an hour of its own clock, which is an hour ahead. */
const clockAhead: ReturnType<typeof says> = {
  http: (response, call, index) => {
    const nowMs = Date.now() + 3_600_000;
    const [, timestamp = ''] = /<requestTimestamp>(.*?)</.exec(call.body) ?? [];
    const isFresh = Math.abs(Date.parse(timestamp) - nowMs) < 900_000;
    const headers = { date: new Date(nowMs).toUTCString() };
    const answer = isFresh
      ? says(success())
      : says(fault(20016, 'Request expired'), { status: 500, headers });
    return answer.http(response, call, index);
  },
};

/** Quotes the signature of the request in its fault. */
const quotingSignature: ReturnType<typeof says> = {
  http: (response, call, index) => {
    const [, signature = ''] = /<requestSignature>(.*?)</.exec(call.body) ?? [];
    return says(fault(20014, 'no', `bad: ${signature}`), ON_500).http(response, call, index);
  },
};

export const FAULTS: readonly UpstreamBehaviour[] = [
  ...CODES.map(([code, status, slug, retryable]) => ({
    what: `fault ${code}`,
    upstream: says(fault(code, 'Words'), ON_500),
    expected: problem(status, slug, { retryable, upstream: { code, message: `Words (${code})` } }),
    env: { REQUEST_DEADLINE_MS: '700' },
  })),
  ...[200, 400, 404, 503].map((status) => ({
    what: `a fault on HTTP ${status}`,
    upstream: says(fault(20103, 'Lead not found'), { status }),
    expected: notFound('Lead not found (20103)'),
    calls: 1,
  })),
  {
    what: 'a fault without a detail',
    upstream: says(
      soapFault('<faultcode>SOAP-ENV:Client</faultcode><faultstring>20103 - Lead not found</faultstring>'),
      ON_500,
    ),
    expected: notFound('20103 - Lead not found'),
  },
  {
    what: 'a fault whose detail is under another prefix',
    upstream: says(
      soapFault(
        '<faultstring>x</faultstring><detail><q:serviceException xmlns:q="http://www.marketo.com/mktows/"><q:message>gone</q:message><q:code>20103</q:code></q:serviceException></detail>',
      ),
      ON_500,
    ),
    expected: notFound('gone'),
  },
  {
    what: 'a fault in a default namespace',
    upstream: says(
      '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body><Fault><faultstring>20103 - gone</faultstring></Fault></Body></Envelope>',
      ON_500,
    ),
    expected: notFound('20103 - gone'),
  },
  {
    what: 'a fault of SOAP 1.2',
    upstream: says(SOAP12_FAULT, ON_500),
    expected: notFound('20103 - Lead not found'),
  },
  {
    what: 'a fault without a code',
    upstream: says(
      soapFault('<faultcode>SOAP-ENV:Server</faultcode><faultstring>Out of order</faultstring>'),
      ON_500,
    ),
    expected: problem(502, 'upstream-error', { retryable: false, upstream: { message: 'Out of order' } }),
    calls: 1,
  },
  {
    what: 'a fault of nothing',
    upstream: says(soapFault(''), ON_500),
    expected: problem(502, 'upstream-error', { retryable: false }),
  },
  {
    what: 'a fault in the wrong namespace',
    upstream: says(envelope('<Fault><faultstring>20103 - gone</faultstring></Fault>'), ON_500),
    expected: badResponse,
    calls: 1,
  },
  {
    what: 'a fault that quotes the signature',
    upstream: quotingSignature,
    expected: problem(502, 'upstream-access-denied', {
      upstream: { code: 20014, message: 'bad: (signature)' },
    }),
  },
  {
    what: 'a fault of 3 MiB',
    upstream: says(fault(20102, 'no', 'x'.repeat(3 * 1_048_576)), ON_500),
    expected: problem(422, 'lead-rejected', { upstream: { code: 20102, message: `${'x'.repeat(2000)}…` } }),
  },
  {
    what: 'a fault 20011, then a success',
    upstream: once(says(fault(20011), ON_500)),
    expected: result(),
    calls: 2,
  },
  {
    what: 'a fault 20024, then a success',
    upstream: once(says(fault(20024), ON_500)),
    expected: result(),
    calls: 2,
  },
  {
    what: 'HTML 503, then a success',
    upstream: once(says('<html>', { status: 503 })),
    expected: result(),
    calls: 2,
  },
  { what: 'a clock that is an hour ahead', upstream: clockAhead, expected: result(), calls: 2 },
  {
    what: 'a clock that is years behind',
    upstream: says(fault(20016), { status: 500, headers: { date: 'Sun, 06 Nov 1994 08:49:37 GMT' } }),
    expected: problem(502, 'upstream-clock-skew', { retryable: false }),
    calls: 2,
  },
  {
    what: 'status FAILED with a text',
    upstream: says(success({ status: 'FAILED', leadId: '0', error: '<error>Lead is a duplicate</error>' })),
    expected: rejected('Lead is a duplicate'),
    calls: 1,
  },
  {
    what: 'status FAILED with a nil text',
    upstream: says(success({ status: 'FAILED' })),
    expected: rejected(),
  },
  {
    what: 'status FAILED with an empty text',
    upstream: says(success({ status: 'FAILED', error: '<error/>' })),
    expected: rejected(),
  },
  {
    what: 'status FAILED without a text',
    upstream: says(success({ status: 'FAILED', error: '' })),
    expected: rejected(),
  },
];
