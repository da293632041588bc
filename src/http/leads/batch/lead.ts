import { authorize, type Principal } from '../../../access/principal.ts';
import { GatewayError } from '../../../leads/errors.ts';
import type { UpsertLead } from '../../../leads/lead.ts';
import type { PresentCaller } from '../../present-caller.ts';
import { invalidLead } from '../../problems/problem.ts';
import { MAX_BODY_BYTES, parseInTurns } from '../../request-body.ts';
import { toUpsertLead } from '../mapping.ts';
import type { Line } from './lines.ts';
import type { BatchLead } from './run.ts';

/**
 * A lead of a batch that `caller` may write, with the JSON value it was made from; or why not, with its JSON or a digest of
 * that; or why neither it nor any lead behind it is taken in.
 */
export type CheckedLead =
  | { readonly command: UpsertLead; readonly body: unknown; readonly caller: Principal }
  | { readonly refusal: GatewayError; readonly content: Buffer }
  | { readonly end: GatewayError };

/** As a lead of a batch. @param bytes that it came in */
export function batchLead(lead: CheckedLead, bytes: number): BatchLead<CheckedLead> {
  const mistakes = 'refusal' in lead ? (lead.refusal.errors?.length ?? 0) : 0;
  return { lead, bytes, work: bytes + mistakes * MISTAKE_WORK };
}

/** To look for the name that was meant among the members, and to write the problem. */
const MISTAKE_WORK = 512;

/** What an error of the upstream costs to write, in bytes as above: names are looked for among all fields. */
export function problemWork(error: unknown): number {
  const errors = error instanceof GatewayError ? (error.errors?.length ?? 0) : 0;
  return PROBLEM_WORK + Math.min(errors, MAX_LOOKED_FOR) * FIELD_WORK;
}

const PROBLEM_WORK = 2048;
const FIELD_WORK = 8192;
const MAX_LOOKED_FOR = 20;

/** Checks a lead as `PUT /leads` does; a long one in turns of the event loop. @param bytes its JSON */
export function readLead(bytes: Buffer, caller: Principal): CheckedLead | Promise<CheckedLead> {
  try {
    const body = parseInTurns(bytes);
    // Hot path: few are so long.
    if (body instanceof Promise) return checkLater(body, bytes, caller);
    return checkLead(body, bytes, caller);
  } catch (error) {
    return refused(error, bytes);
  }
}

async function checkLater(body: Promise<unknown>, bytes: Buffer, caller: Principal): Promise<CheckedLead> {
  try {
    return checkLead(await body, bytes, caller);
  } catch (error) {
    return refused(error, bytes);
  }
}

/** The same for a line of a stream, whose caller may have changed since the one before. */
export function readLine(line: Line, present: PresentCaller): CheckedLead | Promise<CheckedLead> {
  const caller = present();
  if (caller instanceof GatewayError) return { end: caller };
  if ('digest' in line) return { refusal: TOO_LONG, content: line.digest };
  const read = readLead(line, caller);
  return read instanceof Promise ? read.then(ofLine) : ofLine(read);
}

/** Judges a line by its caller when it is taken in: it may have waited for room since it was read. */
export function judgeAgain(lead: CheckedLead, present: PresentCaller): CheckedLead {
  if ('end' in lead) return lead;
  const caller = present();
  if (caller instanceof GatewayError) return { end: caller };
  if ('refusal' in lead || lead.caller === caller) return lead;
  return checkLead(lead.body, Buffer.from(JSON.stringify(lead.command)), caller);
}

const TOO_LONG = new GatewayError('body-too-large', {
  detail: `The line has more than ${MAX_BODY_BYTES} bytes; send one lead a line, without files.`,
});

/** Locates what is wrong with the JSON of a line by its column alone. */
function ofLine(checked: CheckedLead): CheckedLead {
  if (!('refusal' in checked) || checked.refusal.code !== 'malformed-json') return checked;
  const { refusal, content } = checked;
  const detail = refusal.detail.replace(/^Line 1, column/, 'Column').replace(/^The body/, 'The line');
  return { refusal: refusal.with({ detail }), content };
}

/** @param body the parsed JSON of a lead */
function checkLead(body: unknown, bytes: Buffer, caller: Principal): CheckedLead {
  const parsed = toUpsertLead(body);
  if (!parsed.ok) return refused(invalidLead(parsed.errors, parsed.count), bytes);
  try {
    return { command: authorize(parsed.command, caller), body, caller };
  } catch (error) {
    return refused(error, bytes);
  }
}

function refused(error: unknown, content: Buffer): CheckedLead {
  if (error instanceof GatewayError) return { refusal: shortened(error, MAX_ERRORS), content };
  throw error;
}

/** A batch has room for a million mistakes, and all its leads are checked before the first is written. */
const MAX_ERRORS = 100;

/** The refusal with no more than `max` of its errors. */
export function shortened(refusal: GatewayError, max: number): GatewayError {
  const { errors, detail } = refusal;
  if (errors === undefined || errors.length <= max) return refusal;
  return refusal.with({
    errors: errors.slice(0, max),
    detail: `${detail.replace(/ errors lists the first \d+\.$/, '')} errors lists the first ${max}.`,
  });
}
