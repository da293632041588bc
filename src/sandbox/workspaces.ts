import { SoapFault } from './soap-fault.ts';

/** A workspace and the partition its new leads go to. */
type Workspace = { readonly name: string; readonly primaryPartition: string };

export type WorkspaceSettings = { readonly enabled: boolean; readonly workspaces: readonly Workspace[] };

/** New leads whose attribute has exactly this value go to this partition; the first rule that fits decides. */
export type AssignmentRule = {
  readonly attribute: string;
  readonly equals: string;
  readonly partition: string;
};

/** The workspace calls mean when they name none. */
export const DEFAULT_WORKSPACE = 'Default';

export const DEFAULT_WORKSPACE_SETTINGS: WorkspaceSettings = {
  enabled: true,
  workspaces: [
    { name: DEFAULT_WORKSPACE, primaryPartition: 'Default' },
    { name: 'Europe', primaryPartition: 'Europe' },
  ],
};

/** Names compare without case (contract A, "Workspaces", assumed). */
function findWorkspace(settings: WorkspaceSettings, name: string): Workspace | undefined {
  const wanted = name.toLowerCase();
  return settings.workspaces.find((workspace) => workspace.name.toLowerCase() === wanted);
}

/**
 * The primary partition of the workspace a call names, null when it names none.
 * @throws {SoapFault} 20110 for an unknown workspace, and for any but Default when workspaces are not enabled.
 */
export function targetPartition(settings: WorkspaceSettings, target: string | null): string | null {
  if (target === null) return null;
  if (!settings.enabled) {
    if (target.toLowerCase() === DEFAULT_WORKSPACE.toLowerCase()) return null;
    throw new SoapFault(20110, `Workspaces are not enabled: targetWorkspace must be ${DEFAULT_WORKSPACE}`);
  }
  const workspace = findWorkspace(settings, target);
  if (!workspace)
    throw new SoapFault(
      20110,
      `Workspace ${target} does not exist: one of ${settings.workspaces.map(({ name }) => name).join(', ')} is expected`,
    );
  return workspace.primaryPartition;
}

/**
 * Where a new lead goes: to the partition an assignment rule names, else to `target`, else to the primary
 * partition of Default (contract A, "Workspaces"). Without workspaces there is one partition.
 */
export function partitionForNewLead(
  settings: WorkspaceSettings,
  rules: readonly AssignmentRule[],
  target: string | null,
  valueOf: (attribute: string) => string | undefined,
): string {
  if (!settings.enabled) return DEFAULT_WORKSPACE;
  const rule = rules.find(({ attribute, equals }) => valueOf(attribute) === equals);
  return (
    rule?.partition ??
    target ??
    findWorkspace(settings, DEFAULT_WORKSPACE)?.primaryPartition ??
    DEFAULT_WORKSPACE
  );
}
