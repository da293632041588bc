import { ATTRIBUTE_TYPES } from '../../text/soap-protocol.ts';
import { DOCUMENTED_LIMITS, type Limits } from '../call-limits.ts';
import type { FieldType, LeadField } from '../leads/fields.ts';
import { bool, ControlError, integer, list, object, text } from './members.ts';
import { type AssignmentRule, DEFAULT_WORKSPACE, type WorkspaceSettings } from '../settings.ts';

const LIMIT_NAMES = Object.keys(DOCUMENTED_LIMITS) as (keyof Limits)[];

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

function isFieldType(value: string): value is FieldType {
  return ATTRIBUTE_TYPES.some((type) => type === value);
}
