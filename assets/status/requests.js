// Requests to the gateway with the key of this tab's reader.

const NAME = 'lead-gateway-status-key';
let key = sessionStorage.getItem(NAME);

export const hasKey = () => key !== null;

export function keepKey(text) {
  key = text;
  sessionStorage.setItem(NAME, text);
}

export function forgetKey() {
  key = null;
  sessionStorage.removeItem(NAME);
}

// Paths are relative: a proxy may add a prefix.
export async function ask(path, options) {
  const headers = { Accept: 'application/json', ...options?.headers };
  if (key !== null) headers.Authorization = `Bearer ${key}`;
  const response = await fetch(path, { cache: 'no-store', ...options, headers });
  const text = await response.text();
  return { status: response.status, json: text === '' ? null : JSON.parse(text) };
}
