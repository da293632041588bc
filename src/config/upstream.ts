import { IDENTITY_BASE } from '../text/rest-protocol.ts';
import { isLoopback } from './kinds.ts';
import type { Name, Values } from './schema.ts';
import type { ForeignIdFields } from './rest-kinds.ts';

/** A value that no log, dump or JSON shows: only a call reveals it. */
export type Secret = { readonly reveal: () => string };

export type SoapUpstream = {
  readonly protocol: 'soap';
  readonly endpoint: URL;
  readonly userId: string;
  readonly encryptionKey: Secret;
};

export type RestUpstream = {
  readonly protocol: 'rest';
  /** The base of the API; its path ends with `/rest`. */
  readonly endpoint: URL;
  /** The base of identity. */
  readonly identity: URL;
  readonly clientId: string;
  readonly clientSecret: Secret;
};

export type Upstream = SoapUpstream | RestUpstream;

/** How leads are mapped onto the REST API. */
export type RestSettings = {
  readonly foreignIds: ForeignIdFields;
  /** REST names of the fields that hold foreign ids. */
  readonly foreignIdFields: ReadonlySet<string>;
  /** Partitions by workspace in lower case. */
  readonly workspacePartitions: ReadonlyMap<string, string>;
  /** Attribute name to REST name. */
  readonly fieldNames: ReadonlyMap<string, string>;
};

const SOAP = ['MARKETO_SOAP_ENDPOINT', 'MARKETO_USER_ID', 'MARKETO_ENCRYPTION_KEY'] as const;
const REST = ['MARKETO_REST_ENDPOINT', 'MARKETO_CLIENT_ID', 'MARKETO_CLIENT_SECRET'] as const;
const CREDENTIALS = { soap: SOAP, rest: REST } as const;

type Names = ReadonlySet<Name>;
type Protocol = Upstream['protocol'];

/** Which API leads go to, also where the sandbox stands in for it. */
export function protocolOf(
  { MARKETO_UPSTREAM: chosen }: Pick<Values, 'MARKETO_UPSTREAM'>,
  given: Names,
): Protocol {
  if (chosen !== undefined) return chosen;
  return REST.some((name) => given.has(name)) && !SOAP.every((name) => given.has(name)) ? 'rest' : 'soap';
}

/** Null: the embedded sandbox is the upstream. */
export function upstreamOf(values: Values, protocol: Protocol): Upstream | null {
  return protocol === 'rest' ? restUpstreamOf(values) : soapUpstreamOf(values);
}

function soapUpstreamOf(values: Values): SoapUpstream | null {
  const { MARKETO_SOAP_ENDPOINT: endpoint, MARKETO_USER_ID: userId, MARKETO_ENCRYPTION_KEY: key } = values;
  if (endpoint === undefined || userId === undefined || key === undefined) return null;
  return { protocol: 'soap', endpoint, userId, encryptionKey: { reveal: () => key } };
}

function restUpstreamOf(values: Values): RestUpstream | null {
  const { MARKETO_REST_ENDPOINT: endpoint, MARKETO_CLIENT_ID: clientId } = values;
  const { MARKETO_CLIENT_SECRET: secret, MARKETO_IDENTITY_ENDPOINT: identity } = values;
  if (endpoint === undefined || clientId === undefined || secret === undefined) return null;
  return {
    protocol: 'rest',
    endpoint,
    identity: identity ?? new URL(IDENTITY_BASE, endpoint),
    clientId,
    clientSecret: { reveal: () => secret },
  };
}

export function restSettingsOf(values: Values): RestSettings {
  const foreignIds = values.MARKETO_FOREIGN_ID_FIELDS ?? {};
  const fields = Object.values(foreignIds).flatMap((field) =>
    typeof field === 'string' ? [field] : [field.lead, field.contact],
  );
  return {
    foreignIds,
    foreignIdFields: new Set(fields),
    workspacePartitions: values.MARKETO_WORKSPACE_PARTITIONS ?? new Map(),
    fieldNames: values.MARKETO_FIELD_NAMES ?? new Map(),
  };
}

/** The rules for endpoints and credentials. */
export function upstreamMistakes(values: Values, given: Names): string[] {
  return [...credentialMistakes(values, given), ...insecureMistakes(values)];
}

function credentialMistakes(values: Values, given: Names): string[] {
  const { MARKETO_SANDBOX: wantsSandbox, NODE_ENV: nodeEnv, MARKETO_UPSTREAM: chosen } = values;
  const isSet = (protocol: Protocol) => CREDENTIALS[protocol].some((name) => given.has(name));
  const set = (['rest', 'soap'] as const).filter(isSet);
  const mistakes = set.flatMap((protocol) => missingOf(protocol, given));
  if (mistakes.length > 0) return mistakes;
  if (set.length === 0) {
    if (given.has('MARKETO_IDENTITY_ENDPOINT')) {
      return [`MARKETO_IDENTITY_ENDPOINT has no effect without ${REST.join(', ')}`];
    }
    if (nodeEnv !== 'production' || wantsSandbox) return [];
    return CREDENTIALS[chosen ?? 'rest'].map(
      (name) => `${name} is missing (in production the sandbox is used only with MARKETO_SANDBOX=true)`,
    );
  }
  if (wantsSandbox) {
    const names = set.flatMap((protocol) => CREDENTIALS[protocol]).join(', ');
    return [`MARKETO_SANDBOX is true, but ${names} are set, too`];
  }
  if (chosen === undefined) {
    return set.length === 1
      ? []
      : ['MARKETO_UPSTREAM is missing; with the credentials of both APIs it must be rest or soap'];
  }
  return set.includes(chosen)
    ? []
    : CREDENTIALS[chosen].map((name) => `${name} is missing, which MARKETO_UPSTREAM=${chosen} needs`);
}

function missingOf(protocol: Protocol, given: Names): string[] {
  const all = CREDENTIALS[protocol];
  const missing = all.filter((name) => !given.has(name));
  return missing.map((name) => `${name} is missing; ${all.join(', ')} must be set together`);
}

const ENDPOINTS = ['MARKETO_SOAP_ENDPOINT', 'MARKETO_REST_ENDPOINT', 'MARKETO_IDENTITY_ENDPOINT'] as const;

function insecureMistakes(values: Values): string[] {
  return ENDPOINTS.flatMap((name) => {
    const endpoint = values[name];
    return endpoint?.protocol === 'http:' && !values.MARKETO_ALLOW_INSECURE && !isLoopback(endpoint.hostname)
      ? [`${name} must be an https: URL (http: only to a loopback host, or with MARKETO_ALLOW_INSECURE=true)`]
      : [];
  });
}
