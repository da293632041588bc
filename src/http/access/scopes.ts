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
    mayUseWorkspace: matchWorkspaces(workspaces, defaultWorkspace),
    defaultWorkspace,
  };
}

/** How every scope of the gateway's own begins. */
const OWN = /^(?:leads|metrics):/;

/**
 * The scopes of a token, without the prefix; one that lacks it is not for the gateway. Only one claim counts, so that
 * none widens what another one grants:
 *
 * 1. `scope` (RFC 9068, 2.2.3) or `scp`, what was granted to the application, when it names a scope of the gateway;
 * 2. else `permissions`, which Auth0 adds to tokens of an API with RBAC: there `scope` may name just `openid`;
 * 3. else `roles`, but only in an access token without `scope` and `scp`: Entra ID has there what an application may do
 *    by itself, and beside `scp` what the person may do, which is more than was granted to the application.
 */
export function scopesIn(claims: Claims, prefix: string): ReadonlySet<string> {
  const { scope, scp, permissions, roles } = claims;
  for (const claim of [scope, scp, permissions]) {
    const scopes = ownScopes(claim, prefix);
    if (scopes.size > 0) return scopes;
  }
  const countsRoles = scope === undefined && scp === undefined && !looksLikeIdToken(claims);
  return ownScopes(countsRoles ? roles : [], prefix);
}

type Claims = Readonly<Record<string, unknown>>;

/**
 * ID tokens have roles too, and the same audience where a page and its API are one application. They are told by their
 * own claims (OpenID Connect Core, 2 and 3.3.2.11), by Keycloak's `typ`, and from Entra ID, which has `tid` in all its
 * tokens, by the lack of the application that an access token was given to.
 */
function looksLikeIdToken(claims: Claims): boolean {
  const { typ, idtyp, tid, azp = claims['appid'] } = claims;
  const isAboutLogin = ['nonce', 'at_hash', 'c_hash'].some((name) => claims[name] !== undefined);
  return isAboutLogin || typ === 'ID' || idtyp === 'user' || (tid !== undefined && azp === undefined);
}

/** A list of names, or a text with blanks between them. */
function ownScopes(claim: unknown, prefix: string): ReadonlySet<string> {
  const names: readonly unknown[] = Array.isArray(claim)
    ? claim
    : typeof claim === 'string'
      ? claim.split(' ')
      : [];
  return new Set(
    names
      .filter((name) => typeof name === 'string' && name.startsWith(prefix))
      .map((name) => String(name).slice(prefix.length))
      .filter((name) => OWN.test(name)),
  );
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
