import { loadSome } from '../configuration.ts';
import { ENV_FILE, misused, type Options } from '../command.ts';
import { CommandFailure, EXIT_CONFIG, EXIT_USAGE, type Process } from '../process.ts';
import type { EditResult } from '../../http/access/key-file-edit.ts';

export const KEY_FILE = {
  file: { type: 'string', value: 'FILE', help: 'the file of keys; without it, the one of API_KEYS_FILE' },
  ...ENV_FILE,
} as const satisfies Options;

/** How permissions are changed, for the help. */
export const EDIT_NOTES = `
What a key may do is changed in its entry in the file; a running gateway notices at once. The options stand there as
  --origins, --attributes, --workspaces    "origins", "attributes", "workspaces": ["A", "B"]
  --default-workspace, --expires-at        "defaultWorkspace", "expiresAt": "TEXT"
  --return-lead, --by-id,                  "returnLead", "byId",
  --by-foreign-id, --metrics               "byForeignId", "metrics": true
  --requests-per-second, --burst,          "rateLimit": { "requestsPerSecond": N, "burst": N,
  --requests-per-day                                      "requestsPerDay": N }
`;

type Given = { readonly file: string | undefined; readonly 'env-file': readonly string[] };

/** Which file of keys is meant. @throws {CommandFailure} when none is named */
export function keyFileOf(command: string, own: Process, { file, 'env-file': envFiles }: Given): string {
  const path = file ?? loadSome(own, envFiles, ['API_KEYS_FILE']).API_KEYS_FILE;
  if (path === undefined)
    throw misused(command, 'Name the file of keys: with --file FILE, or in API_KEYS_FILE.');
  return path;
}

/** How a command ends that could not read or change the file. */
export function keyFileFailure({ fault, mistakes }: EditResult & { ok: false }): CommandFailure {
  const heading = fault === 'file' ? 'The file of keys cannot be used:' : 'This is not possible:';
  return new CommandFailure(fault === 'file' ? EXIT_CONFIG : EXIT_USAGE, [
    heading,
    ...mistakes.map((mistake) => `  ${mistake}`),
  ]);
}
