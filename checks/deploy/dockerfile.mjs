// Reads the Dockerfile and does what it says without a container engine: stages are folders.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join, posix } from 'node:path';

/** @typedef {{ base: string, name: string, instructions: { name: string, text: string }[] }} Stage */

/** The stages of a Dockerfile in order, with the defaults of its ARGs filled in. */
export function readDockerfile(text) {
  const args = {};
  const stages = [];
  const lines = text
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n/g, '')
    .split('\n');
  for (const line of lines.filter((one) => one.trim() !== '')) {
    const [, name, rest] = /^([A-Z]+) (.+)$/.exec(line);
    if (name === 'ARG' && stages.length === 0) {
      const [, variable, value] = /^(\w+)=(\S+)$/.exec(rest);
      args[variable] = value;
    } else if (name === 'FROM') {
      const [, base, as] = /^(\S+)(?: AS (\S+))?$/.exec(rest);
      const filled = base.replaceAll(/\$\{(\w+)\}/g, (_, variable) => args[variable]);
      stages.push({ base: filled, name: as ?? '', instructions: [] });
    } else {
      stages.at(-1).instructions.push({ name, text: rest });
    }
  }
  return stages;
}

/** The text of an instruction's last use in a stage. */
export function lastOf({ instructions }, name) {
  return instructions.findLast((one) => one.name === name)?.text;
}

/** Builds every stage in a folder of its own below `work` and gives the last one's. */
export function build(stages, context, work) {
  const kept = new Set(
    readFileSync(join(context, '.dockerignore'), 'utf8')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : [])),
  );
  const roots = new Map();
  let root = '';
  for (const [index, { name: stage, instructions }] of stages.entries()) {
    root = join(work, `stage${index}`);
    mkdirSync(root, { recursive: true });
    roots.set(stage, root);
    let folder = '/';
    for (const { name, text } of instructions) {
      if (name === 'WORKDIR') {
        folder = text;
        mkdirSync(join(root, folder), { recursive: true });
      } else if (name === 'RUN') {
        execFileSync('sh', ['-c', text], { cwd: join(root, folder), stdio: ['ignore', 'ignore', 'inherit'] });
      } else if (name === 'COPY') {
        copy(text, { context, kept, roots, target: (path) => join(root, posix.resolve(folder, path)) });
      }
    }
  }
  return root;
}

function copy(text, { context, kept, roots, target }) {
  const words = text.split(' ');
  const from = /^--from=(.+)$/.exec(words[0])?.[1];
  const paths = from === undefined ? words : words.slice(1);
  const to = paths.at(-1);
  for (const path of paths.slice(0, -1)) {
    if (from === undefined && !kept.has(path)) throw new Error(`.dockerignore keeps ${path} out`);
    const source = join(from === undefined ? context : roots.get(from), path);
    if (!existsSync(source)) throw new Error(`COPY names ${path}, which is not there`);
    const copied = target(to.endsWith('/') ? posix.join(to, basename(path)) : to);
    cpSync(source, copied, { recursive: true });
    // As from a clone that was made with a umask of 077.
    if (from === undefined) execFileSync('chmod', ['-R', 'go-rwx', copied]);
  }
}
