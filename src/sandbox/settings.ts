import { STANDARD_FIELDS, type FieldType, type LeadField } from './lead-fields.ts';
import { DEFAULT_WORKSPACE_SETTINGS, type AssignmentRule, type WorkspaceSettings } from './workspaces.ts';

/** How the subscription is set up. */
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

/** A list of fields as a map; Email is added where it is missing, since it is a key. */
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
