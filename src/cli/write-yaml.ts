/**
 * A JSON value as YAML 1.2 in block style. Scalars stay as JSON has them, which YAML reads alike (YAML 1.2.2, 1.3), so
 * that no text is taken for a number or a boolean.
 */
export function writeYaml(value: unknown): string {
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

/** What readers of YAML 1.1 take for a boolean or a null. */
const RESERVED = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

function isBlock(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

function hang(mark: string, [first = '', ...others]: readonly string[]): string[] {
  return [mark + first, ...others.map((line) => ' '.repeat(mark.length) + line)];
}
