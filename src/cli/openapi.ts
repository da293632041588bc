import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { openApiFiles } from '../openapi/document.ts';
import { describeFileError } from '../text/text-file.ts';
import { CommandFailure, defineCommand, misused, print } from './command.ts';

/**
 * A JSON value as YAML 1.2 in block style. Scalars stay as in JSON, which YAML reads the same (YAML 1.2.2, 1.3), so no
 * text is taken for a number or a boolean.
 */
function writeYaml(value: unknown): string {
  return `${linesOf(value).join('\n')}\n`;
}

function linesOf(value: unknown): string[] {
  if (Array.isArray(value) && value.length > 0) return value.flatMap((item) => hang('- ', linesOf(item)));
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) {
    return [JSON.stringify(value)];
  }
  return Object.entries(value).flatMap(([key, member]) => {
    const name = /^[A-Za-z$][\w$-]*$/.test(key) && !RESERVED.test(key) ? key : JSON.stringify(key);
    const lines = linesOf(member);
    return isBlock(member)
      ? [`${name}:`, ...lines.map((line) => `  ${line}`)]
      : [`${name}: ${lines.join('')}`];
  });
}

/** What YAML 1.1 reads as a boolean or a null. */
const RESERVED = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

function isBlock(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

function hang(mark: string, [first = '', ...others]: readonly string[]): string[] {
  return [mark + first, ...others.map((line) => ' '.repeat(mark.length) + line)];
}

/** `lead-gateway openapi`: writes one document, chosen by the file's name, or all API descriptions into a folder. */
export const openapi = defineCommand({
  name: 'openapi',
  summary: 'write the OpenAPI document, or all descriptions of the API',
  options: {
    out: {
      type: 'string',
      value: 'PATH',
      help: 'a .json, .yaml or .yml file for one document (its name says which: openapi, openapi-3.0\nor swagger), or a folder for all files; without it, standard output',
    },
    server: { type: 'string', value: 'URL', help: 'the address at which callers reach the gateway' },
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

/** A name without an ending is a folder; one with an unknown ending is probably a slip. */
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
    throw new CommandFailure(1, [`"${path}" ${describeFileError(error, 'written')}.`]);
  }
}
