import { editKeyFile, type RawEntry } from '../../http/access/key-file-edit.ts';
import { defineCommand, JSON_OUTPUT, misused } from '../command.ts';
import { announce, printJson } from '../process.ts';
import { KEY_FILE, keyFileFailure, keyFileOf } from './key-file-option.ts';

/** `lead-gateway keys revoke` */
export const revokeKey = defineCommand({
  name: 'keys revoke',
  summary: 'end a key for ever',
  options: {
    name: { type: 'string', value: 'NAME', help: 'which key; needed' },
    ...KEY_FILE,
    ...JSON_OUTPUT,
  },
  notes: 'A running gateway notices at once.\n',
  run: (own, values) => {
    const { name } = values;
    if (name === undefined) throw misused('keys revoke', '--name is needed: --name NAME');
    const file = keyFileOf('keys revoke', own, values);
    let revokedAt: unknown;
    const edit = editKeyFile(file, { mayCreate: false }, (entries: RawEntry[]) => {
      const entry = entries.find((candidate) => candidate.name === name);
      if (entry === undefined) return `the file has no key ${name}`;
      entry['revokedAt'] ??= new Date().toISOString();
      revokedAt = entry['revokedAt'];
      return undefined;
    });
    if (!edit.ok) throw keyFileFailure(edit);
    if (values.json) printJson({ name, revokedAt, file });
    else announce([`The key ${name} is revoked; a running gateway notices at once.`]);
    return 0;
  },
});
