// Writes sbom.cdx.json, the packages that the gateway runs with, for users of the package (CycloneDX 1.5).
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const args = ['sbom', '--package-lock-only', '--omit=dev', '--workspaces=false', '--sbom-format=cyclonedx'];
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
const options = {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 16 * 1024 * 1024,
  shell: process.platform === 'win32',
};
const bom = JSON.parse(execFileSync(npm, [...args, '--sbom-type=application'], options));
// npm takes the name of the folder.
bom.metadata.component.name = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).name;
writeFileSync(join(root, 'sbom.cdx.json'), `${JSON.stringify(bom)}\n`);
