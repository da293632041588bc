import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { openApiFiles } from '../http/openapi/files.ts';
import { describeFileFault } from '../text/file-fault.ts';
import { defineCommand, misused } from './command.ts';
import { CommandFailure, print } from './process.ts';
import { writeYaml } from './write-yaml.ts';

/** `lead-gateway openapi`: writes one document, by its file's name; or all files that describe the API into a folder. */
export const openapi = defineCommand({
  name: 'openapi',
  summary: 'write the OpenAPI document, or all files that describe the API',
  options: {
    out: {
      type: 'string',
      value: 'PATH',
      help: 'a file .json, .yaml or .yml for one document (openapi, openapi-3.0 or swagger, by its\nname), or a folder for everything made of it; else standard output',
    },
    server: { type: 'string', value: 'URL', help: 'where callers reach the gateway' },
  },
  run: ({ version }, { out, server }) => {
    if (server !== undefined && !(URL.canParse(server) && /^https?:\/\/[^?#@]+$/.test(server))) {
      throw misused('openapi', '--server must be a URL such as https://leads.example.com');
    }
    const files = openApiFiles(version, server?.replace(/\/+$/, ''));
    const document = documentNamed(out ?? '', files);
    if (out === undefined || out === '-') {
      print(document);
      return 0;
    }
    const kind = kindOf(out);
    if (kind === 'folder') {
      for (const [path, content] of files) write(join(out, path), content);
    } else {
      write(out, kind === 'yaml' ? writeYaml(JSON.parse(document)) : document);
    }
    return 0;
  },
});

function documentNamed(path: string, files: ReadonlyMap<string, string | Uint8Array>): string {
  const name = basename(path).replace(/\.ya?ml$/i, '.json');
  return String(files.get(name) ?? files.get('openapi.json') ?? '');
}

/** A name without an ending is a folder's; one with an ending nobody writes is more likely a slip. */
function kindOf(path: string): 'folder' | 'json' | 'yaml' {
  if (/[/\\]$/.test(path) || isFolder(path)) return 'folder';
  const ending = extname(path).toLowerCase();
  if (ending === '.json') return 'json';
  if (ending === '.yaml' || ending === '.yml') return 'yaml';
  if (ending === '') return 'folder';
  throw misused(
    'openapi',
    `--out ${path} must end with .json, .yaml or .yml for a document, or with / for a folder.`,
  );
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function write(path: string, content: string | Uint8Array): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  } catch (error) {
    throw new CommandFailure(1, [`"${path}" ${describeFileFault(error, 'written')}.`]);
  }
}
