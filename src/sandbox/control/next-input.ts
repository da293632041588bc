import { isFaultCode } from '../../soap-server/answer.ts';
import { type InjectedFault, RESET_MOMENTS, type ResetMoment } from '../../soap-server/endpoint.ts';
import type { QueuedFault } from '../fault-injection.ts';
import { REST_OPERATIONS, type RestFault } from '../rest/fault.ts';
import { ControlError, integer, list, type Members, object, string, text } from './members.ts';

const MAX_DELAY_MS = 300_000;
const MAX_RESULTS = 300;

/** Of these a call can have one. */
const INSTEAD = ['fault', 'error', 'garbage', 'reset'];
/** What only REST calls have. */
const REST_ALONE = ['operation', 'reasons', 'results', 'truncate', 'done', 'processingMs'];

/** `{ "fault": { "code": 20016 }, "times": 2 }`, `{ "error": { "code": "606" }, "operation": "sync" }` and so on. */
export function readNextCall(body: unknown): { readonly injected: QueuedFault; readonly times: number } {
  const members = object(body, '', [...INSTEAD, ...REST_ALONE, 'delayMs', 'times']);
  const isGiven = (name: string) => members[name] !== undefined;
  const times = isGiven('times') ? integer(members, 'times', 1, 1_000_000) : 1;
  const given = INSTEAD.filter(isGiven);
  if (given.length > 1) throw new ControlError(400, `${given.join(' and ')} cannot happen to one call.`);
  const misplaced = isGiven('fault') ? REST_ALONE.find(isGiven) : undefined;
  if (misplaced !== undefined) {
    throw new ControlError(400, `fault is for SOAP calls, ${misplaced} for REST calls.`);
  }
  const injected: QueuedFault = {
    ...(isGiven('fault') && { fault: readFault(members['fault']) }),
    ...(isGiven('garbage') && { garbage: readGarbage(members['garbage']) }),
    ...(isGiven('reset') && { reset: readReset(members) }),
    ...(isGiven('delayMs') && { delayMs: integer(members, 'delayMs', 0, MAX_DELAY_MS) }),
    ...readRestFault(members, isGiven),
  };
  if (Object.keys(injected).length === (isGiven('operation') ? 1 : 0)) {
    throw new ControlError(
      400,
      'Give one of fault, garbage, reset or delayMs; for REST calls also error, processingMs, reasons, results or truncate.',
    );
  }
  return { injected, times };
}

function readRestFault(members: Members, isGiven: (name: string) => boolean): RestFault {
  if (isGiven('done') && !isGiven('error') && !isGiven('garbage')) {
    throw new ControlError(400, 'done goes with error or garbage.');
  }
  return {
    ...(isGiven('operation') && { operation: readOperation(members) }),
    ...(isGiven('error') && { error: readError(members['error']) }),
    ...(isGiven('reasons') && { reasons: list(members, 'reasons').map(readReason) }),
    ...(isGiven('results') && { results: integer(members, 'results', -MAX_RESULTS, MAX_RESULTS) }),
    ...(isGiven('truncate') && { truncate: onlyTrue(members, 'truncate') }),
    ...(isGiven('done') && { done: onlyTrue(members, 'done') }),
    ...(isGiven('processingMs') && { processingMs: integer(members, 'processingMs', 0, MAX_DELAY_MS) }),
  };
}

function readOperation(members: Members): NonNullable<RestFault['operation']> {
  const operation = REST_OPERATIONS.find((known) => known === members['operation']);
  if (!operation) throw new ControlError(400, `operation must be one of ${REST_OPERATIONS.join(', ')}.`);
  return operation;
}

function readError(value: unknown): NonNullable<RestFault['error']> {
  const members = object(value, 'error', ['code', 'message', 'status']);
  return {
    code: readCode(members),
    ...(members['message'] !== undefined && { message: string(members, 'message') }),
    ...(members['status'] !== undefined && { status: integer(members, 'status', 200, 599) }),
  };
}

function readReason(value: unknown, at: number): NonNullable<RestFault['reasons']>[number] {
  const members = object(value, `reasons[${at}]`, ['index', 'code', 'message']);
  return {
    index: members['index'] === undefined ? 0 : integer(members, 'index', 0, MAX_RESULTS - 1),
    code: readCode(members),
    ...(members['message'] !== undefined && { message: string(members, 'message') }),
  };
}

/** A string, or a number for clients to take as well. */
function readCode(members: Members): string | number {
  return typeof members['code'] === 'number' ? integer(members, 'code', 0, 99_999) : string(members, 'code');
}

function onlyTrue(members: Members, name: string): true {
  if (members[name] !== true) throw new ControlError(400, `${name} can only be true.`);
  return true;
}

function readFault(value: unknown): NonNullable<InjectedFault['fault']> {
  const members = object(value, 'fault', ['code', 'message', 'status']);
  const code = integer(members, 'code', 0, 99_999);
  if (!isFaultCode(code)) throw new ControlError(400, `fault.code: ${code} is not a fault code.`);
  return {
    code,
    ...(members['message'] !== undefined && { message: text(members, 'message') }),
    ...(members['status'] !== undefined && { status: integer(members, 'status', 200, 599) }),
  };
}

function readGarbage(value: unknown): NonNullable<InjectedFault['garbage']> {
  const members = object(value, 'garbage', ['status', 'contentType', 'body', 'headers']);
  const headers = members['headers'];
  return {
    status: members['status'] === undefined ? 200 : integer(members, 'status', 200, 599),
    contentType:
      members['contentType'] === undefined ? 'text/html' : headerText(text(members, 'contentType')),
    body: members['body'] === undefined ? '' : string(members, 'body'),
    ...(headers !== undefined && { headers: readHeaders(headers) }),
  };
}

function readHeaders(value: unknown): Record<string, string> {
  const members = object(value, 'garbage.headers');
  return Object.fromEntries(
    Object.keys(members).map((name) => {
      if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw new ControlError(400, `${name} is not a header name.`);
      return [name, headerText(string(members, name))];
    }),
  );
}

function headerText(value: string): string {
  if (!/^[\t\x20-\x7e]*$/.test(value))
    throw new ControlError(400, 'A header may contain printable ASCII only.');
  return value;
}

function readReset(members: Members): ResetMoment {
  const moment = RESET_MOMENTS.find((known) => known === members['reset']);
  if (!moment) throw new ControlError(400, `reset must be one of ${RESET_MOMENTS.join(', ')}.`);
  return moment;
}
