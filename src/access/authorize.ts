import { firstFew, GatewayError, MAX_MEMBER_ERRORS, type MemberError, shortenName } from '../leads/errors.ts';
import type { UpsertLead } from '../leads/lead.ts';
import { memberPointer } from '../text/json.ts';
import type { Principal } from './principal.ts';

/**
 * Each permission as the key file names it, with the scope that grants it to a token and what it allows, as a sentence
 * ends. `names` are the names of attributes or of the workspace.
 */
const PERMISSIONS = {
  byId: { scope: 'leads:id', act: () => 'address a lead by id' },
  byForeignId: { scope: 'leads:foreign-id', act: () => 'address a lead by foreignSysPersonId' },
  attributes: { scope: 'leads:attribute:', act: (names: string) => `write ${names}` },
  returnLead: { scope: 'leads:return', act: () => 'get the lead back (returnLead)' },
  workspaces: { scope: 'leads:workspace:', act: (names: string) => `write into the workspace ${names}` },
} as const;

type Permission = keyof typeof PERMISSIONS;
type Violation = {
  readonly permission: Permission;
  readonly member: readonly string[];
  /** The entry that a permission which is a list lacks. */
  readonly name?: string;
};

/**
 * Checks a command against the principal's permissions and fills in the default workspace. Throws `forbidden`, with a
 * pointer to each member that needs a permission (`docs/authentication.md#key-file`).
 */
export function authorize(command: UpsertLead, caller: Principal): UpsertLead {
  const violations = violationsOf(command, caller);
  if (violations.length > 0) throw forbidden(violations, caller);
  const { defaultWorkspace } = caller.permissions;
  if (command.workspace !== undefined || defaultWorkspace === undefined) return command;
  return { ...command, workspace: defaultWorkspace };
}

function violationsOf(
  { id, foreignKey, returnLead, workspace, attributes }: UpsertLead,
  { permissions }: Principal,
): Violation[] {
  const violations: Violation[] = [];
  const miss = (permission: Permission, ...member: string[]) => violations.push({ permission, member });
  if (id !== undefined && !permissions.byId) miss('byId', 'id');
  if (foreignKey !== undefined && !permissions.byForeignId) miss('byForeignId', 'foreignSysPersonId');
  for (const { name } of attributes) {
    if (permissions.mayWriteAttribute(name)) continue;
    violations.push({ permission: 'attributes', member: ['attributes', name], name });
  }
  if (returnLead && !permissions.returnLead) miss('returnLead', 'returnLead');
  if (workspace !== undefined && !permissions.mayUseWorkspace(workspace)) {
    violations.push({ permission: 'workspaces', member: ['workspace'], name: workspace });
  }
  return violations;
}

function forbidden(violations: readonly Violation[], caller: Principal): GatewayError {
  const errors: MemberError[] = violations.slice(0, MAX_MEMBER_ERRORS).map((violation) => ({
    pointer: memberPointer(...violation.member),
    detail: `needs the ${needOf(violation, caller)}`,
  }));
  const names = new Map<Permission, string[]>();
  for (const { permission, name } of violations) {
    const told = names.get(permission) ?? [];
    if (name !== undefined) told.push(name);
    names.set(permission, told);
  }
  const sentences = [...names].map(
    ([permission, told]) => `${subjectOf(caller)} may not ${PERMISSIONS[permission].act(listOf(told))}.`,
  );
  return new GatewayError('forbidden', { detail: sentences.join(' '), errors });
}

/** The subject of a refusal's sentence. */
export function subjectOf({ kind }: Pick<Principal, 'kind'>): string {
  return kind === 'token' ? 'This token' : 'This key';
}

/** The permission to ask for, as the key file or a scope names it. Names in scopes are percent-encoded. */
function needOf({ permission, name }: Violation, { kind }: Principal): string {
  if (kind === 'token') {
    return `scope ${shortenName(PERMISSIONS[permission].scope + (name === undefined ? '' : encodeURIComponent(name)))}`;
  }
  return `permission ${permission}${name === undefined ? '' : ` with ${shortenName(name)} in its list`}`;
}

/** Names in a sentence: `A, B and C`, or the first few and how many more. */
function listOf(names: readonly string[]): string {
  const { shown, omitted } = firstFew(names);
  const parts = shown.map(shortenName);
  if (omitted > 0) parts.push(`${omitted} more`);
  const last = parts.pop() ?? '';
  return parts.length === 0 ? last : `${parts.join(', ')} and ${last}`;
}
