// Writes what the documentation takes from the code, from the program in dist:
//
//   node build/docs.mjs           writes .env.example and the generated parts of docs/
//   node build/docs.mjs --check   names the files that differ from what it would write, and fails if there are any
import { readFileSync, writeFileSync } from 'node:fs';
import { GROUPS, VARIABLES } from '../dist/config/schema.js';
import { STANDARD_VARIABLES } from '../dist/config/unknown-variables.js';
import { PROBLEM_TYPES } from '../dist/http/problems/types.js';
import { COUNTERS, GAUGES, HISTOGRAMS, INFO } from '../dist/observability/metric-descriptions.js';

const ROOT = new URL('../', import.meta.url);
const BEGIN = '<!-- generated: do not edit -->';
const END = '<!-- end of generated -->';
const WIDTH = 120;

const files = {
  '.env.example': () => envExample(),
  'docs/configuration.md': (page) => inserted(page, configurationTables()),
  'docs/errors.md': (page) => inserted(page, problemTable(), problemSections()),
  'docs/metrics.md': (page) => inserted(page, metricTable()),
};

const isCheck = process.argv.includes('--check');
for (const [path, contentOf] of Object.entries(files)) {
  const url = new URL(path, ROOT);
  const current = readFileSync(url, 'utf8');
  const content = await contentOf(current);
  if (content === current) continue;
  if (isCheck) {
    process.stderr.write(`${path} is not what the code says; run: npm run docs\n`);
    process.exitCode = 1;
  } else {
    writeFileSync(url, content);
  }
}

/** A page with its generated parts replaced, in order. */
function inserted(page, ...parts) {
  const pieces = page.split(new RegExp(`(?<=${BEGIN}\n)[^]*?(?=${END})`));
  if (pieces.length !== parts.length + 1) throw new Error(`a page must have ${parts.length} generated parts`);
  return pieces.map((piece, index) => piece + (index < parts.length ? `\n${parts[index]}\n` : '')).join('');
}

function table(headings, rows) {
  return row(headings) + `|${'---|'.repeat(headings.length)}\n` + rows.map(row).join('');
}

function row(cells) {
  return `| ${cells.join(' | ')} |\n`;
}

/** The groups of variables in order, each with its members. */
function groups() {
  const variables = Object.entries({ ...VARIABLES, ...STANDARD_VARIABLES });
  return Object.entries(GROUPS).map(([key, [heading, introduction]]) => ({
    heading,
    introduction,
    members: variables.filter(([, { group }]) => group === key),
  }));
}

function configurationTables() {
  return groups()
    .map(({ heading, introduction, members }) => {
      const rows = members.map(([name, { default: value, restDefault, meaning }]) => [
        `\`${name}\``,
        value === undefined
          ? ''
          : `\`${value}\`${restDefault === undefined ? '' : `, REST \`${restDefault}\``}`,
        meaning,
      ]);
      const text = introduction === '' ? '' : `${introduction}\n\n`;
      return `### ${heading}\n\n${text}${table(['variable', 'default', 'meaning'], rows)}`;
    })
    .join('\n');
}

function envExample() {
  const introduction = `Copy to .env and start with \`npm start -- --env-file .env\`. Everything is optional: without credentials the
    gateway uses its sandbox. docs/configuration.md explains what a file may look like. Values have no quotes and no
    blanks around the =; one with a # in it goes in single quotes. Written by \`npm run docs\`.`;
  const parts = groups().map(({ heading, introduction: about, members }) => {
    const lines = members.map(([name, { default: value, example, meaning }]) => {
      const given = value ?? example;
      // The credentials are to be filled in; nothing else is needed.
      return `${comment(meaning)}${given === undefined ? `${name}=` : `# ${name}=${given}`}\n`;
    });
    const title = `# ---- ${heading} ----\n${about === '' ? '' : comment(about)}`;
    return `${title}\n${lines.join('')}`;
  });
  return `${comment(introduction)}\n${parts.join('\n')}`;
}

/** Markdown as lines of a comment. */
function comment(markup) {
  const text = markup
    .replaceAll(/ \(\[[^\]]*\]\([^)]*\)\)/g, '')
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('`', '');
  return `${wrapped(text, '# ').join('\n')}\n`;
}

function wrapped(text, prefix) {
  const lines = [];
  let line = '';
  for (const word of text.trim().split(/\s+/)) {
    if (line !== '' && prefix.length + line.length + 1 + word.length > WIDTH) {
      lines.push(prefix + line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, prefix + line];
}

function problemTable() {
  const rows = problems().map(([slug, { status, title, retryable, remedy, whoActs }]) => [
    status,
    `[\`${slug}\`](#${slug})`,
    title,
    retryable ? 'yes' : 'no',
    remedy,
    whoActs,
  ]);
  return table(['status', 'problem', 'what happened', 'retryable', 'what to do', 'who acts'], rows);
}

/** The texts of the pages at /problems. */
function problemSections() {
  return problems()
    .map(([slug, { explanation }]) => `### ${slug}\n\n${explanation.map(markdown).join('\n\n')}\n`)
    .join('\n');
}

/** Plain text as Markdown, in lines. */
function markdown(text) {
  return wrapped(text.replaceAll('<', '&lt;').replaceAll('_', '\\_'), '').join('\n');
}

function problems() {
  return Object.entries(PROBLEM_TYPES).toSorted(([, one], [, other]) => one.status - other.status);
}

/** The gateway's own metrics; those of the process have prom-client's usual names. */
function metricTable() {
  const described = [
    ...Object.values(COUNTERS).map((counter) => ({ ...counter, kind: 'counter' })),
    ...Object.values(HISTOGRAMS).map((histogram) => ({ ...histogram, kind: 'histogram' })),
    ...Object.values(GAUGES).map(([name, help]) => {
      const kind = name.endsWith('_total') ? 'counter' : 'gauge';
      return { name, kind, labelNames: [], help };
    }),
    { ...INFO, kind: 'gauge' },
  ];
  const rows = described.map(({ name, kind, labelNames, help }) => [
    `\`${name}\``,
    kind,
    labelNames.map((label) => `\`${label}\``).join(', '),
    help,
  ]);
  return table(['metric', 'kind', 'labels', 'what it says'], rows);
}
