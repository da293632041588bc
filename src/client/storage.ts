/** What localStorage does not take, because it is blocked or full: it lives as long as the page. */
const memory = new Map<string, string>();

/** Stores a value as JSON. */
export function write(name: string, value: object): void {
  const text = JSON.stringify(value);
  try {
    localStorage.setItem(name, text);
    memory.delete(name);
  } catch {
    memory.set(name, text);
  }
}

/** What is stored under a name; null if there is nothing, or no JSON. */
export function read(name: string): unknown {
  try {
    return JSON.parse(memory.get(name) ?? localStorage.getItem(name) ?? 'null');
  } catch {
    return null;
  }
}

export function remove(name: string): void {
  memory.delete(name);
  try {
    localStorage.removeItem(name);
  } catch {
    // Then it holds nothing.
  }
}

/** Whether a value outlives the page. */
export function isDurable(name: string): boolean {
  return !memory.has(name);
}

/** The names that begin with a prefix, sorted. */
export function namesFrom(prefix: string): string[] {
  const names = [...memory.keys()];
  try {
    names.push(...Object.keys(localStorage));
  } catch {
    // Blocked.
  }
  return [...new Set(names)].filter((name) => name.startsWith(prefix)).toSorted();
}
