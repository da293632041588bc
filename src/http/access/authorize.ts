import { GatewayError, type MemberError } from '../../leads/errors.ts';
import type { UpsertLead } from '../../leads/lead.ts';
import { memberPointer } from '../../leads/pointer.ts';
import type { Caller } from './caller.ts';

const MAX_LISTED = 1000;
const MAX_TOLD = 3;

/** A permission as the keys file names it, and as the scope of a token. */
const PERMISSIONS = {
  byId: 'leads:id',
  byForeignId: 'leads:foreign-id',
  returnLead: 'leads:return',
  attributes: 'leads:attribute:<name>',
  workspaces: 'leads:workspace:<name>',
} as const;

type Permission = keyof typeof PERMISSIONS;
type Violation = { readonly permission: Permission; readonly member: readonly string[] };

const WHAT: Readonly<Record<Permission, string>> = {
  byId: 'to address a lead by id',
  byForeignId: 'to address a lead by foreignSysPersonId',
  returnLead: 'to get the lead back',
  attributes: 'to write this attribute',
  workspaces: 'to write into this workspace',
};

/**
 * Holds a lead against what its caller may do and puts the caller's default workspace in. Fails with `forbidden`,
 * which names every permission that is missing and the member that needs it.
 */
export function authorize(command: UpsertLead, caller: Caller): UpsertLead {
  const violations = violationsOf(command, caller);
  if (violations.length > 0) throw forbidden(violations, caller);
  const { defaultWorkspace } = caller.permissions;
  if (command.workspace !== undefined || defaultWorkspace === undefined) return command;
  return { ...command, workspace: defaultWorkspace };
}

function violationsOf(
  { id, foreignKey, returnLead, workspace, attributes }: UpsertLead,
  { permissions }: Caller,
): Violation[] {
  const violations: Violation[] = [];
  const miss = (permission: Permission, ...member: string[]) => violations.push({ permission, member });
  if (id !== undefined && !permissions.byId) miss('byId', 'id');
  if (foreignKey !== undefined && !permissions.byForeignId) miss('byForeignId', 'foreignSysPersonId');
  for (const { name } of attributes) {
    if (!permissions.mayWriteAttribute(name)) miss('attributes', 'attributes', name);
  }
  if (returnLead && !permissions.returnLead) miss('returnLead', 'returnLead');
  if (workspace !== undefined && !permissions.mayUseWorkspace(workspace)) miss('workspaces', 'workspace');
  return violations;
}

function forbidden(violations: readonly Violation[], caller: Caller): GatewayError {
  const errors: MemberError[] = violations.slice(0, MAX_LISTED).map(({ permission, member }) => ({
    pointer: memberPointer(...member),
    detail: `needs the permission ${nameOf(permission, caller)}, ${WHAT[permission]}`,
  }));
  const missing = [...new Set(violations.map(({ permission }) => nameOf(permission, caller)))];
  const members = violations.slice(0, MAX_TOLD).map(({ member }) => shorten(member.join('/')));
  const more = violations.length > MAX_TOLD ? ` and ${violations.length - MAX_TOLD} more` : '';
  return new GatewayError('forbidden', {
    detail: `This caller lacks the ${missing.length === 1 ? 'permission' : 'permissions'} ${missing.join(', ')}, needed for ${members.join(', ')}${more}.`,
    errors,
  });
}

function nameOf(permission: Permission, { kind }: Caller): string {
  return kind === 'token' ? PERMISSIONS[permission] : permission;
}

function shorten(name: string): string {
  return name.length > 80 ? `${name.slice(0, 80).replace(/\p{Surrogate}$/u, '')}…` : name;
}
