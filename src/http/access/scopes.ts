import type { Permissions } from './caller.ts';
import { matchWorkspaces } from './keyring.ts';
import { matchNames } from './name-list.ts';

const ATTRIBUTE = 'leads:attribute:';
const WORKSPACE = 'leads:workspace:';
const DEFAULT_WORKSPACE = 'leads:default-workspace:';

/**
 * The permissions a token's scopes give. Names in scopes are percent-encoded where OAuth allows a character in no
 * scope (RFC 6749, 3.3), such as a blank.
 */
export function permissionsOf(scopes: ReadonlySet<string>): Permissions {
  const attributes = namesIn(scopes, ATTRIBUTE);
  const workspaces = namesIn(scopes, WORKSPACE);
  const [defaultWorkspace] = namesIn(scopes, DEFAULT_WORKSPACE);
  return {
    writeLeads: scopes.has('leads:write'),
    byId: scopes.has('leads:id'),
    byForeignId: scopes.has('leads:foreign-id'),
    returnLead: scopes.has('leads:return'),
    metrics: scopes.has('metrics:read'),
    mayWriteAttribute: matchNames(attributes),
    mayUseWorkspace: matchWorkspaces(
      defaultWorkspace === undefined ? workspaces : [...workspaces, defaultWorkspace],
    ),
    defaultWorkspace,
  };
}

/** The scopes of a token: `scope` with blanks between them (RFC 9068, 2.2.3) or `scp`, a list or the same. */
export function scopesIn(claims: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const raw = claims['scope'] ?? claims['scp'];
  if (Array.isArray(raw)) return new Set(raw.filter((scope) => typeof scope === 'string'));
  return new Set(typeof raw === 'string' ? raw.split(' ').filter((scope) => scope !== '') : []);
}

function namesIn(scopes: ReadonlySet<string>, prefix: string): string[] {
  return [...scopes]
    .filter((scope) => scope.startsWith(prefix))
    .map((scope) => decode(scope.slice(prefix.length)))
    .filter((name) => name !== '');
}

/** A scope that does not decode gives nothing. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
