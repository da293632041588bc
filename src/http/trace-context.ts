import type { IncomingHttpHeaders } from 'node:http';
import type { ParentTrace, Trace } from '../leads/lead.ts';

/** Four fields of fixed length (W3C Trace Context, 3.2.2); `ff` is no version, and no id is all zeros. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?![^-])/;
const LENGTH = 55;
const SAMPLED = 1;

/**
 * Reads `traceparent` and `tracestate`; undefined when the request belongs to no trace or says so in a way that cannot
 * be understood. Of a version we do not know, the fields of version 00 are taken (W3C Trace Context, 3.2.4).
 */
export function readParentTrace(headers: IncomingHttpHeaders): ParentTrace | undefined {
  const { traceparent } = headers;
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;
  if (traceparent.startsWith('00') && traceparent.length > LENGTH) return undefined;
  return {
    traceId: traceparent.slice(3, 35),
    spanId: traceparent.slice(36, 52),
    isSampled: (Number.parseInt(traceparent.slice(53, LENGTH), 16) & SAMPLED) === SAMPLED,
    tracestate: readTracestate(headers['tracestate']),
  };
}

/** Bounds of what is passed on (W3C Trace Context, 3.3.1.1 and 3.3.1.5). */
const MAX_STATE_LENGTH = 512;
const MAX_STATE_MEMBERS = 32;

/** A key, of one or two parts, and a value (W3C Trace Context, 3.3.1.3). */
const STATE_MEMBER =
  /^[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** The list as it may go on: nothing when a member is none, without the last ones when it is too long. */
function readTracestate(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const members = String(header)
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
  if (!members.every((member) => STATE_MEMBER.test(member))) return undefined;
  let kept = '';
  for (const member of members.slice(0, MAX_STATE_MEMBERS)) {
    const longer = kept === '' ? member : `${kept},${member}`;
    if (longer.length > MAX_STATE_LENGTH) break;
    kept = longer;
  }
  return kept === '' ? undefined : kept;
}

/** Hexadecimal digits at random, as many as are asked for. */
export type RandomDigits = (count: number) => string;

/** Digits turned into text at a time: asking for each id alone costs ten times as much. */
const POOL_BYTES = 3072;

export function createRandomDigits(randomBytes: (size: number) => Buffer): RandomDigits {
  let pool = '';
  let taken = 0;
  return (count) => {
    if (taken + count > pool.length) {
      pool = randomBytes(POOL_BYTES).toString('hex');
      taken = 0;
    }
    taken += count;
    return pool.slice(taken - count, taken);
  };
}

/** The gateway's part in the caller's trace, or in a new one: then nobody has asked for it to be recorded. */
export function continueTrace(parent: ParentTrace | undefined, digits: RandomDigits): Trace {
  if (parent === undefined) {
    const traceId = digits(32);
    return { traceId, traceparent: `00-${traceId}-${digits(16)}-00`, tracestate: undefined };
  }
  const { traceId, isSampled, tracestate } = parent;
  return { traceId, traceparent: `00-${traceId}-${digits(16)}-${isSampled ? '01' : '00'}`, tracestate };
}
