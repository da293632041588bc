import type { LeadDirectory } from './lead.ts';

/** A directory whose commands name `workspace` when they name none themselves. */
export function withDefaultWorkspace(directory: LeadDirectory, workspace: string | undefined): LeadDirectory {
  if (workspace === undefined) return directory;
  return {
    upsert: (command, context) => directory.upsert({ workspace, ...command }, context),
  };
}
