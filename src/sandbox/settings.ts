import { SoapFault } from '../soap-server/answer.ts';
import { type FieldType, type LeadField, STANDARD_FIELDS } from './leads/fields.ts';

/** A workspace and the partition its new leads go to. */
type Workspace = { readonly name: string; readonly primaryPartition: string };

export type WorkspaceSettings = { readonly enabled: boolean; readonly workspaces: readonly Workspace[] };

/** New leads whose attribute has exactly this value go to this partition; the first matching rule applies. */
export type AssignmentRule = {
  readonly attribute: string;
  readonly equals: string;
  readonly partition: string;
};

/** The workspace of calls that do not name one. */
export const DEFAULT_WORKSPACE = 'Default';

const DEFAULT_WORKSPACE_SETTINGS: WorkspaceSettings = {
  enabled: true,
  workspaces: [
    { name: DEFAULT_WORKSPACE, primaryPartition: 'Default' },
    { name: 'Europe', primaryPartition: 'Europe' },
  ],
};

/** Names compare without case (assumed, docs/marketo-soap.md#workspaces). */
function findWorkspace(settings: WorkspaceSettings, name: string): Workspace | undefined {
  const wanted = name.toLowerCase();
  return settings.workspaces.find((workspace) => workspace.name.toLowerCase() === wanted);
}

/**
 * The primary partition of the workspace that a call names; null when it names none.
 * @throws {SoapFault} 20110 for an unknown workspace, and for any but Default when workspaces are not enabled
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
 * Where a new lead goes: to the partition of an assignment rule, else to `target`, else to the primary partition of
 * Default (docs/marketo-soap.md#workspaces). Without workspaces there is one partition.
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

/** The setup of the subscription. */
export type Settings = {
  /** Field types by name; Email is always among them. */
  readonly fields: ReadonlyMap<string, FieldType>;
  readonly workspaces: WorkspaceSettings;
  readonly assignmentRules: readonly AssignmentRule[];
};

export type SettingsHolder = {
  current(): Settings;
  change(part: Partial<Settings>): void;
  reset(): void;
};

export const DEFAULT_SETTINGS: Settings = {
  fields: fieldMap(STANDARD_FIELDS),
  workspaces: DEFAULT_WORKSPACE_SETTINGS,
  assignmentRules: [],
};

export function createSettings(onChange: () => void): SettingsHolder {
  let settings = DEFAULT_SETTINGS;
  return {
    current: () => settings,
    change(part) {
      settings = { ...settings, ...part };
      onChange();
    },
    reset() {
      settings = DEFAULT_SETTINGS;
      onChange();
    },
  };
}

/** A list of fields as a map; always with Email, since it is a key. */
export function fieldMap(fields: readonly LeadField[]): ReadonlyMap<string, FieldType> {
  return new Map<string, FieldType>([
    ['Email', 'email'],
    ...fields.filter(({ name }) => name !== 'Email').map(({ name, type }) => [name, type] as const),
  ]);
}

/** The inverse of `fieldMap`. */
export function fieldList(fields: ReadonlyMap<string, FieldType>): LeadField[] {
  return [...fields].map(([name, type]) => ({ name, type }));
}
