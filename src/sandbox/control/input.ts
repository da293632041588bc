import { type InjectedFault, RESET_MOMENTS, type ResetMoment } from '../../soap-server/endpoint.ts';
import { isFaultCode } from '../../soap-server/answer.ts';
import { ATTRIBUTE_TYPES } from '../../text/soap-protocol.ts';
import { DOCUMENTED_LIMITS, type Limits } from '../call-limits.ts';
import type { FieldType, LeadField } from '../leads/fields.ts';
import { bool, ControlError, integer, list, type Members, object, string, text } from './members.ts';
import { type AssignmentRule, DEFAULT_WORKSPACE, type WorkspaceSettings } from '../settings.ts';

const LIMIT_NAMES = Object.keys(DOCUMENTED_LIMITS) as (keyof Limits)[];
const MAX_DELAY_MS = 300_000;

/** `{ "cookie": "…", "workspace": "…"? }` */
export function readVisit(body: unknown): { readonly cookie: string; readonly workspace: string | null } {
  const members = object(body, '', ['cookie', 'workspace']);
  return {
    cookie: text(members, 'cookie'),
    workspace: members['workspace'] === undefined ? null : text(members, 'workspace'),
  };
}

/** `{ "enabled": true, "workspaces": [{ "name": "Default", "primaryPartition": "Default" }] }`; both optional. */
export function readWorkspaces(body: unknown, now: WorkspaceSettings): WorkspaceSettings {
  const members = object(body, '', ['enabled', 'workspaces']);
  const enabled = members['enabled'] === undefined ? now.enabled : bool(members, 'enabled');
  if (members['workspaces'] === undefined) return { enabled, workspaces: now.workspaces };
  const workspaces = list(members, 'workspaces').map((item, index) => {
    const workspace = object(item, `workspaces[${index}]`, ['name', 'primaryPartition']);
    return { name: text(workspace, 'name'), primaryPartition: text(workspace, 'primaryPartition') };
  });
  const names = workspaces.map(({ name }) => name.toLowerCase());
  if (new Set(names).size < names.length) {
    throw new ControlError(400, 'workspaces: two names are the same (names compare without case).');
  }
  if (!names.includes(DEFAULT_WORKSPACE.toLowerCase())) {
    throw new ControlError(400, `workspaces: one of them must be named ${DEFAULT_WORKSPACE}.`);
  }
  return { enabled, workspaces };
}

/** `{ "rules": [{ "attribute": "Country", "equals": "Germany", "partition": "Europe" }] }` */
export function readAssignmentRules(body: unknown): readonly AssignmentRule[] {
  return list(object(body, '', ['rules']), 'rules').map((item, index) => {
    const rule = object(item, `rules[${index}]`, ['attribute', 'equals', 'partition']);
    return {
      attribute: text(rule, 'attribute'),
      equals: text(rule, 'equals'),
      partition: text(rule, 'partition'),
    };
  });
}

/** `{ "fields": [{ "name": "Shoe size", "type": "integer" }] }` */
export function readFields(body: unknown): readonly LeadField[] {
  return list(object(body, '', ['fields']), 'fields').map((item, index) =>
    readField(item, `fields[${index}]`),
  );
}

/** `{ "name": "Shoe size", "type": "integer", "restName": "shoeSize" }`; without `restName` it follows from the name. */
export function readField(body: unknown, where = ''): LeadField {
  const members = object(body, where, ['name', 'type', 'restName']);
  const type = text(members, 'type');
  if (!isFieldType(type)) throw new ControlError(400, `type must be one of ${ATTRIBUTE_TYPES.join(', ')}.`);
  const restName = members['restName'] === undefined ? undefined : text(members, 'restName');
  return { name: text(members, 'name'), type, ...(restName !== undefined && { restName }) };
}

/** `{ "enabled": false }` or `{ "callsPer20Seconds": 3 }`, which also switches the limits on; the others stay. */
export function readLimits(body: unknown): { readonly changed: Partial<Limits>; readonly enabled: boolean } {
  const members = object(body, '', ['enabled', ...LIMIT_NAMES]);
  const changed = Object.fromEntries(
    LIMIT_NAMES.filter((name) => members[name] !== undefined).map((name) => [
      name,
      integer(members, name, 0, 1_000_000_000),
    ]),
  );
  return { changed, enabled: members['enabled'] === undefined ? true : bool(members, 'enabled') };
}

/** `{ "fault": { "code": 20016 }, "times": 2 }`: one of fault, garbage and reset, or delayMs, or both. */
export function readNextCall(body: unknown): { readonly injected: InjectedFault; readonly times: number } {
  const members = object(body, '', ['fault', 'garbage', 'reset', 'delayMs', 'times']);
  const times = members['times'] === undefined ? 1 : integer(members, 'times', 1, 1_000_000);
  const given = ['fault', 'garbage', 'reset'].filter((name) => members[name] !== undefined);
  if (given.length > 1) throw new ControlError(400, `${given.join(' and ')} cannot happen to one call.`);
  const injected: InjectedFault = {
    ...(members['fault'] !== undefined && { fault: readFault(members['fault']) }),
    ...(members['garbage'] !== undefined && { garbage: readGarbage(members['garbage']) }),
    ...(members['reset'] !== undefined && { reset: readReset(members) }),
    ...(members['delayMs'] !== undefined && { delayMs: integer(members, 'delayMs', 0, MAX_DELAY_MS) }),
  };
  if (Object.keys(injected).length === 0) {
    throw new ControlError(400, 'Give one of fault, garbage, reset or delayMs.');
  }
  return { injected, times };
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

function isFieldType(value: string): value is FieldType {
  return ATTRIBUTE_TYPES.some((type) => type === value);
}
