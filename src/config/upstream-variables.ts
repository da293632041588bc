import { credential, endpoint, flag, nodeEnv, text, xmlText } from './kinds.ts';
import {
  fieldNames,
  foreignIdFields,
  identityEndpoint,
  restEndpoint,
  upstreamProtocol,
  workspacePartitions,
} from './rest-kinds.ts';
import type { Variable } from './schema.ts';

/** The variables that say where leads go, and how they are mapped there. */
export const UPSTREAM_VARIABLES = {
  MARKETO_REST_ENDPOINT: {
    group: 'upstream',
    kind: restEndpoint,
    meaning: 'The REST endpoint, such as `https://MUNCHKIN-ID.mktorest.com/rest`.',
  },
  MARKETO_CLIENT_ID: {
    group: 'upstream',
    kind: credential,
    isSecret: true,
    meaning: 'The client id of the custom service in LaunchPoint.',
  },
  MARKETO_CLIENT_SECRET: {
    group: 'upstream',
    kind: credential,
    isSecret: true,
    meaning: 'Its client secret.',
  },
  MARKETO_IDENTITY_ENDPOINT: {
    group: 'upstream',
    kind: identityEndpoint,
    needs: 'MARKETO_REST_ENDPOINT',
    meaning: 'Where tokens come from; without it, `/identity` on the host of the REST endpoint.',
    example: 'https://MUNCHKIN-ID.mktorest.com/identity',
  },
  MARKETO_SOAP_ENDPOINT: {
    group: 'upstream',
    kind: endpoint,
    meaning: 'The SOAP endpoint, such as `https://MUNCHKIN-ID.mktoapi.com/soap/mktows/2_9`.',
  },
  MARKETO_USER_ID: {
    group: 'upstream',
    kind: xmlText(credential),
    isSecret: true,
    meaning: 'The user id of the API user.',
  },
  MARKETO_ENCRYPTION_KEY: {
    group: 'upstream',
    kind: credential,
    isSecret: true,
    meaning: "The API user's encryption key.",
  },
  MARKETO_UPSTREAM: {
    group: 'upstream',
    kind: upstreamProtocol,
    meaning:
      '`rest` or `soap`: which API, when the credentials of both are set, or which one the sandbox stands in for.',
    example: 'rest',
  },
  MARKETO_DEFAULT_WORKSPACE: {
    group: 'upstream',
    kind: xmlText(text).max(255, { error: 'must have at most 255 characters' }),
    meaning: 'The workspace of requests that name none.',
    example: 'Default',
  },
  MARKETO_ALLOW_INSECURE: {
    group: 'upstream',
    kind: flag,
    default: false,
    meaning: '`true` allows an `http:` endpoint on another machine.',
  },
  NODE_ENV: {
    group: 'upstream',
    kind: nodeEnv,
    meaning: '`production` refuses to start on the sandbox, unless `MARKETO_SANDBOX` is `true`.',
    example: 'production',
  },
  MARKETO_SANDBOX: {
    group: 'upstream',
    kind: flag,
    default: false,
    meaning: '`true` allows the sandbox in production.',
  },
  MARKETO_FOREIGN_ID_FIELDS: {
    group: 'mapping',
    kind: foreignIdFields,
    meaning:
      'The field (REST name) that holds the ids of each `foreignSysType`. For SFDC two fields with a vertical bar between them: the first for leads (`00Q…`), the second for contacts (`003…`).',
    example: '{"CUSTOM":"crmPersonId","SFDC":"sfdcLeadId|sfdcContactId"}',
  },
  MARKETO_WORKSPACE_PARTITIONS: {
    group: 'mapping',
    kind: workspacePartitions,
    meaning: 'The partition of each workspace; `Default` needs no entry.',
    example: '{"EMEA":"Europe"}',
  },
  MARKETO_FIELD_NAMES: {
    group: 'mapping',
    kind: fieldNames,
    meaning: 'The field (REST name) of an attribute, where it is not the one that Marketo says.',
    example: '{"Shoe Size":"shoeSize"}',
  },
} as const satisfies Readonly<Record<string, Variable>>;
