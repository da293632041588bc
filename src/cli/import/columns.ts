import { nearestName } from '../../text/nearest-name.ts';

const KEYS = ['id', 'email', 'foreignSysPersonId', 'marketoCookie'];
const MEMBERS = new Map(
  [...KEYS, 'foreignSysType', 'workspace'].map((member) => [member.toLowerCase(), member] as const),
);
/** What the file of failed rows adds; left out when that file is imported. */
export const FAILED_COLUMNS = ['import row', 'import problem', 'import detail'];

/** Where the cells of a column go; undefined: nowhere. */
type Target = { readonly member?: string; readonly attribute?: string } | undefined;

/** The plan for every row, or what is wrong with the header or the map. */
export type Columns =
  | { readonly ok: true; readonly targets: readonly Target[] }
  | { readonly ok: false; readonly mistakes: readonly string[] };

/** Reads `E-Mail=email,First=FirstName`. A column's name may have `=`. @returns undefined for what is not such a list */
export function readMap(texts: readonly string[]): Map<string, string> | undefined {
  const map = new Map<string, string>();
  for (const pair of texts.flatMap((text) => text.split(','))) {
    const at = pair.lastIndexOf('=');
    const column = pair.slice(0, Math.max(0, at)).trim();
    if (column === '' || map.has(column)) return undefined;
    map.set(column, pair.slice(at + 1).trim());
  }
  return map;
}

/** Says where each column goes: by the map, else to the member of its name, else to the attribute of its name. */
export function planColumns(header: readonly string[], map: ReadonlyMap<string, string>): Columns {
  const names = header.map((name) => name.trim());
  const mistakes = [...map.keys()].flatMap((column) => {
    if (names.includes(column)) return [];
    const meant = nearestName(column, names);
    const hint = meant === undefined ? '' : `; did you mean ${JSON.stringify(meant)}?`;
    return [`--map names the column ${JSON.stringify(column)}, which the header does not have${hint}`];
  });
  const targets = names.map((name) => targetOf(name, map));
  const first = new Map<string, string>();
  for (const [at, target] of targets.entries()) {
    const name = names[at] ?? '';
    const goal = target?.member ?? target?.attribute;
    if (goal === undefined) continue;
    const other = first.get(goal);
    if (other === undefined) first.set(goal, name);
    else if (other === name)
      mistakes.push(
        `the header has the column ${JSON.stringify(name)} twice; give one another name in the file`,
      );
    else
      mistakes.push(
        `the columns ${JSON.stringify(other)} and ${JSON.stringify(name)} both go to ${goal}; leave one out with --map "${name}="`,
      );
  }
  if (!KEYS.some((key) => targets.some((target) => target?.member === key))) {
    mistakes.push(
      `no column has a key of the lead (${KEYS.join(', ')}); name one with --map, such as --map "E-Mail=email"`,
    );
  }
  return mistakes.length === 0 ? { ok: true, targets } : { ok: false, mistakes };
}

function targetOf(name: string, map: ReadonlyMap<string, string>): Target {
  if (name === '' || FAILED_COLUMNS.includes(name)) return undefined;
  const goal = map.get(name) ?? name;
  if (goal === '') return undefined;
  const member = MEMBERS.get(goal.toLowerCase());
  return member === undefined ? { attribute: goal } : { member };
}

/** The lead of a row. Cells that are empty are left out; Marketo's id becomes a number. */
export function leadOf(cells: readonly string[], targets: readonly Target[]): Record<string, unknown> {
  const members: [string, unknown][] = [];
  const attributes: [string, string][] = [];
  for (const [at, target] of targets.entries()) {
    const cell = cells[at] ?? '';
    if (target === undefined || cell.trim() === '') continue;
    if (target.attribute !== undefined) attributes.push([target.attribute, cell]);
    else if (target.member !== undefined) members.push([target.member, memberValue(target.member, cell)]);
  }
  if (attributes.length > 0) members.push(['attributes', Object.fromEntries(attributes)]);
  return Object.fromEntries(members);
}

function memberValue(member: string, cell: string): string | number {
  const text = cell.trim();
  return member === 'id' && /^\d{1,15}$/.test(text) ? Number(text) : text;
}

const DELIMITERS = [',', ';', '\t'] as const;

/** The character between the cells: the one that stands most often in the header, outside of quotes. */
export function delimiterOf(start: string): string {
  const [header = ''] = start.replaceAll(/"(?:[^"]|"")*"/g, '').split(/[\r\n]/, 1);
  let best: string = DELIMITERS[0];
  for (const candidate of DELIMITERS) {
    if (header.split(candidate).length > header.split(best).length) best = candidate;
  }
  return best;
}

/** Cells as a line of CSV (RFC 4180). */
export function csvLine(cells: readonly string[], delimiter: string): string {
  const quoted = cells.map((cell) =>
    /["\r\n]/.test(cell) || cell.includes(delimiter) ? `"${cell.replaceAll('"', '""')}"` : cell,
  );
  return `${quoted.join(delimiter)}\n`;
}
