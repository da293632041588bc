import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { openApiFiles } from '../http/openapi/files.ts';
import { CommandFailure, EXIT_USAGE, print, type Process } from './process.ts';

export type OpenApiOptions = { readonly out: string | undefined; readonly server: string | undefined };

/** `lead-gateway openapi`: writes one document, by its file's name; or all files that describe the API into a folder. */
export function openapi({ version }: Process, { out, server }: OpenApiOptions): void {
  if (server !== undefined && !(URL.canParse(server) && /^https?:\/\/[^?#@]+$/.test(server))) {
    throw new CommandFailure(EXIT_USAGE, ['--server must be a URL such as https://leads.example.com']);
  }
  const files = openApiFiles(version, server?.replace(/\/+$/, ''));
  const document = files.get(basename(out ?? '')) ?? files.get('openapi.json') ?? '';
  if (out === undefined) return print(String(document));
  if (out.endsWith('.json')) return writeFileSync(out, document);
  for (const [path, content] of files) {
    const target = join(out, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
  }
}
