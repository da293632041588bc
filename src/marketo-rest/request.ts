import { FORM_CONTENT_TYPE, LEAD_PATHS, REST_CONTENT_TYPE, REST_PATHS } from '../text/rest-protocol.ts';

/** A request of the API; `path` is below its base. */
export type RestRequest = {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Empty: none. */
  readonly body: string;
  readonly contentType: string | undefined;
};

/** Marketo refuses larger bodies. */
export const MAX_BODY_BYTES = 1_000_000;

/** Longer addresses are sent as forms; Marketo refuses those over 8 KB. */
const MAX_ADDRESS_BYTES = 7500;
const REFUSED_ADDRESS_BYTES = 8000;

/** Writes the body of a sync call around the JSON objects of its leads. */
export function writeSync(
  action: string,
  lookupField: string,
  partition: string | undefined,
  leads: readonly string[],
): RestRequest {
  const body = `${syncStart(action, lookupField, partition)}${leads.join(',')}]}`;
  return { method: 'POST', path: REST_PATHS.leads, body, contentType: REST_CONTENT_TYPE };
}

function syncStart(action: string, lookupField: string, partition: string | undefined): string {
  const name = partition === undefined ? '' : `,"partitionName":${JSON.stringify(partition)}`;
  return `{"action":"${action}","lookupField":${JSON.stringify(lookupField)}${name},"input":[`;
}

/** What the body of a sync call has around its leads, in bytes. */
export function syncFrameBytes(action: string, lookupField: string, partition: string | undefined): number {
  return Buffer.byteLength(syncStart(action, lookupField, partition)) + 2;
}

export type FindQuery = {
  readonly filterType: string;
  readonly values: readonly string[];
  readonly fields: string;
  readonly pageToken: string | undefined;
  readonly sentAs: 'form' | 'address' | undefined;
};

/** Writes a find: as an address, or as a form where that would be too long. */
export function writeFind(query: FindQuery): RestRequest {
  const { filterType, values, fields, pageToken, sentAs } = query;
  const page = pageToken === undefined ? '' : `&nextPageToken=${encodeURIComponent(pageToken)}`;
  const parameters = `filterType=${encodeURIComponent(filterType)}&filterValues=${values.map(encodeURIComponent).join(',')}&fields=${fields.split(',').map(encodeURIComponent).join(',')}${page}`;
  const path = `${REST_PATHS.leads}?${parameters}`;
  const isForm = sentAs === 'form' || (sentAs === undefined && path.length > MAX_ADDRESS_BYTES);
  return isForm
    ? {
        method: 'POST',
        path: `${REST_PATHS.leads}?_method=GET`,
        body: parameters,
        contentType: FORM_CONTENT_TYPE,
      }
    : { method: 'GET', path, body: '', contentType: undefined };
}

/** Whether a find that was refused as a form can be sent as an address. */
export function fitsAddress({ path, body }: RestRequest): boolean {
  return path.length + body.length < REFUSED_ADDRESS_BYTES;
}

/** It has no body, and without the content type Marketo answers 612 (observed). */
export function writeAssociate(id: number, cookie: string): RestRequest {
  return {
    method: 'POST',
    path: `${LEAD_PATHS.associate(id)}?cookie=${encodeURIComponent(cookie)}`,
    body: '',
    contentType: REST_CONTENT_TYPE,
  };
}
