import { SoapFault } from '../soap-server/answer.ts';
import { documentedRestName, REST_READ_ONLY_FIELDS } from '../text/rest-protocol.ts';
import { type LeadField, STANDARD_FIELDS } from './leads/fields.ts';

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

/** A partition besides those that workspaces and assignment rules name, or one of these with its access. */
export type Partition = {
  readonly name: string;
  /** Whether the REST client may see and use it. */
  readonly access: boolean;
  readonly description?: string;
};

/** What concerns the REST face alone. */
export type RestSettings = {
  /** REST names of the fields that REST cannot write. */
  readonly readOnly: readonly string[];
  /** Whether Describe tells the SOAP names of fields. */
  readonly describeSoapNames: boolean;
  /** Whether calls of both faces count against the same limits. */
  readonly countTogether: boolean;
  readonly partitions: readonly Partition[];
};

/** The setup of the subscription. */
export type Settings = {
  /** Fields by name; Email is always among them. */
  readonly fields: ReadonlyMap<string, LeadField>;
  readonly workspaces: WorkspaceSettings;
  readonly assignmentRules: readonly AssignmentRule[];
  readonly rest: RestSettings;
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
  rest: {
    readOnly: REST_READ_ONLY_FIELDS.map(documentedRestName),
    describeSoapNames: true,
    countTogether: true,
    partitions: [],
  },
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
export function fieldMap(fields: readonly LeadField[]): ReadonlyMap<string, LeadField> {
  return new Map<string, LeadField>([
    ['Email', { name: 'Email', type: 'email' }],
    ...fields.filter(({ name }) => name !== 'Email').map((field) => [field.name, field] as const),
  ]);
}

/** The inverse of `fieldMap`. */
export function fieldList(fields: ReadonlyMap<string, LeadField>): LeadField[] {
  return [...fields.values()];
}

/** Every partition, in the order of their ids, which count from 1. */
export function partitionsOf({ workspaces, assignmentRules, rest }: Settings): readonly Partition[] {
  const named = workspaces.enabled
    ? [
        ...workspaces.workspaces.map(({ primaryPartition }) => primaryPartition),
        ...assignmentRules.map(({ partition }) => partition),
      ]
    : [DEFAULT_WORKSPACE];
  const partitions = new Map<string, Partition>(named.map((name) => [name, { name, access: true }]));
  for (const partition of rest.partitions) partitions.set(partition.name, partition);
  return [...partitions.values()];
}
