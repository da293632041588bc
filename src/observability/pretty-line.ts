/** Terminal colours by level (ECMA-48 select graphic rendition). */
const COLOURS: Readonly<Record<string, number>> = {
  trace: 90,
  debug: 90,
  info: 32,
  warn: 33,
  error: 31,
  fatal: 31,
};

/** Texts that need no quotation marks. */
const PLAIN = /^[\w./:@%+-]+$/;

/**
 * A line of the log for a person: time of day in UTC, level, message, then the fields.
 *
 * @param line one JSON object
 */
export function prettyLine(line: string, hasColours: boolean): string {
  const entry = JSON.parse(line) as Record<string, unknown>;
  const { level, time, msg, err, ...fields } = entry;
  const colour = (code: number, text: string) => (hasColours ? `\u001b[${code}m${text}\u001b[0m` : text);
  const name = String(level);
  const told = Object.entries(fields).map(([key, value]) => `${colour(90, `${key}=`)}${show(value)}`);
  const head = [
    colour(90, String(time).slice(11, 23)),
    colour(COLOURS[name] ?? 0, name.toUpperCase().padEnd(5)),
    String(msg),
    ...told,
  ].join(' ');
  return `${head}\n${err === undefined ? '' : showError(err, '  ')}`;
}

function show(value: unknown): string {
  return typeof value === 'string' && PLAIN.test(value) ? value : JSON.stringify(value);
}

/** An error as the log describes it: what it is, then the lines of code it came through, then its cause. */
function showError(described: unknown, indent: string): string {
  const { stack, cause, ...rest } = described as Record<string, unknown>;
  const what = Object.entries(rest).map(([key, value]) => `${key}=${show(value)}`);
  const lines = [what.join(' '), ...(Array.isArray(stack) ? stack.map((frame) => `  ${frame}`) : [])];
  const own = lines.map((one) => `${indent}${one}\n`).join('');
  return cause === undefined ? own : `${own}${indent}caused by\n${showError(cause, indent)}`;
}
