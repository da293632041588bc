/**
 * The names of Marketo's REST API. Facts only: the gateway and the sandbox share nothing else, so that neither can mirror
 * a mistake of the other (docs/architecture.md#deliberate-twins).
 */

/** Below the two bases of a subscription, `https://<munchkin id>.mktorest.com/rest` and `…/identity`. */
export const REST_BASE = '/rest';
export const IDENTITY_BASE = '/identity';

/** Paths below the bases: `token` below identity's, the others below REST's. */
export const REST_PATHS = {
  token: '/oauth/token',
  leads: '/v1/leads.json',
  describe: '/v1/leads/describe.json',
  describe2: '/v1/leads/describe2.json',
  partitions: '/v1/leads/partitions.json',
  deleteLeads: '/v1/leads/delete.json',
  usage: '/v1/stats/usage.json',
} as const;

/** Paths below REST's base that contain the id of a lead. */
export const LEAD_PATHS = {
  lead: (id: number | string) => `/v1/lead/${id}.json`,
  associate: (id: number | string) => `/v1/leads/${id}/associate.json`,
  merge: (id: number | string) => `/v1/leads/${id}/merge.json`,
} as const;

/** Of requests with a JSON body, and of `associate`, which has no body. */
export const REST_CONTENT_TYPE = 'application/json';
/** Of queries that are too long for an address. */
export const FORM_CONTENT_TYPE = 'application/x-www-form-urlencoded';

export const REST_LIMITS = {
  /** Records of one sync call. */
  records: 300,
  /** Values of one find, and leads on one page of its answer. */
  values: 300,
  /** Leads that may match one find. */
  matches: 1000,
} as const;

export const SYNC_ACTIONS = ['createOrUpdate', 'createOnly', 'updateOnly', 'createDuplicate'] as const;

/** Standard fields that leads are looked up by; custom fields of CUSTOM_LOOKUP_TYPES, too. `id` in updates only. */
export const LOOKUP_FIELDS = [
  'id',
  'email',
  'cookies',
  'sfdcLeadId',
  'sfdcContactId',
  'sfdcAccountId',
  'sfdcLeadOwnerId',
  'sfdcOpptyId',
] as const;

/** A `filterType` besides LOOKUP_FIELDS. */
export const PARTITION_FIELD = 'leadPartitionId';

export const CUSTOM_LOOKUP_TYPES = ['string', 'email', 'integer'] as const;

/** Codes of errors and reasons; in answers they are strings, as a rule. */
export const REST_CODES = {
  badGateway: '502',
  tokenEmpty: '600',
  tokenInvalid: '601',
  tokenExpired: '602',
  accessDenied: '603',
  timeout: '604',
  methodNotSupported: '605',
  rateLimit: '606',
  dailyQuota: '607',
  temporarilyUnavailable: '608',
  invalidJson: '609',
  notFound: '610',
  systemError: '611',
  invalidContentType: '612',
  invalidMultipart: '613',
  invalidSubscription: '614',
  concurrency: '615',
  invalidSubscriptionType: '616',
  transientError: '713',
  lockTimeout: '719',
  invalidValue: '1001',
  missingParameter: '1002',
  invalidRequest: '1003',
  leadNotFound: '1004',
  leadExists: '1005',
  fieldNotFound: '1006',
  multipleMatches: '1007',
  partitionDenied: '1008',
  partitionRequired: '1009',
  partitionUpdate: '1010',
  lookupNotSupported: '1011',
  invalidCookie: '1012',
  objectNotFound: '1013',
} as const;

/** REST names that do not follow from the SOAP name by a small first letter. */
const IRREGULAR_NAMES: Readonly<Record<string, string>> = {
  SICCode: 'sicCode',
  DateofBirth: 'dateOfBirth',
  'Marketo Jigsaw Contact Id': 'jigsawContactId',
  'Marketo Jigsaw Contact Status': 'jigsawContactStatus',
  'Lead Partition ID': PARTITION_FIELD,
  'Contact Company': 'contactCompany',
  'Lead Person': 'leadPerson',
  'Person Primary Lead Interest': 'personPrimaryLeadInterest',
};

/** The REST name of the standard field with that SOAP name, as documented. Says nothing about whether there is such a field. */
export function documentedRestName(soapName: string): string {
  const irregular = Object.hasOwn(IRREGULAR_NAMES, soapName) ? IRREGULAR_NAMES[soapName] : undefined;
  return irregular ?? soapName.charAt(0).toLowerCase() + soapName.slice(1);
}

/** The inverse of `documentedRestName`. */
export function documentedSoapName(restName: string): string {
  const irregular = Object.entries(IRREGULAR_NAMES).find(([, name]) => name === restName);
  return irregular?.[0] ?? restName.charAt(0).toUpperCase() + restName.slice(1);
}

/** SOAP names of the standard fields that are writable by SOAP and read-only by REST. */
export const REST_READ_ONLY_FIELDS = [
  'OriginalSourceType',
  'OriginalSourceInfo',
  'OriginalSearchEngine',
  'OriginalSearchPhrase',
  'OriginalReferrer',
  'InferredCompany',
  'InferredCountry',
  'Contact Company',
  'Lead Person',
  'Person Primary Lead Interest',
] as const;
