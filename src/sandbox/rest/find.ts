import { REST_CODES, REST_LIMITS } from '../../text/rest-protocol.ts';
import type { Lead } from '../leads/lead.ts';
import type { LeadStore } from '../leads/store.ts';
import { partitionsOf, type Settings } from '../settings.ts';
import { RestError, type RestResult } from './answer.ts';
import { partitionIds, type RestField, type RestFields } from './fields.ts';
import { createLookup, filterField } from './lookup.ts';
import { isCookie, leadText } from './values.ts';

/** A find as it was read from the parameters. */
export type FindQuery = {
  readonly filter: RestField;
  readonly values: readonly string[];
  readonly fields: readonly RestField[];
  readonly batchSize: number;
  /** Leads up to this id were on earlier pages. */
  readonly afterId: number;
};

/** What is shown without `fields`. */
const DEFAULT_FIELDS = ['firstName', 'lastName', 'email', 'updatedAt', 'createdAt'];

/** @throws {RestError} 1003, 1006, 1011, 1012 */
export function readFindQuery(parameters: URLSearchParams, fields: RestFields): FindQuery {
  const filterType = parameters.get('filterType')?.trim() ?? '';
  if (filterType === '') throw invalid('filterType not specified');
  const filter = filterField(fields, filterType);
  const values = listIn(parameters, 'filterValues');
  if (values.length === 0) throw invalid('filterValues not specified');
  if (values.length > REST_LIMITS.values) {
    throw invalid(`Too many values in filterValues: at most ${REST_LIMITS.values}`);
  }
  if (filter.source.of === 'cookies') refuseMalformedCookies(values);
  return {
    filter,
    values,
    fields: readFieldNames(parameters, fields),
    batchSize: readBatchSize(parameters.get('batchSize')),
    afterId: readPageToken(parameters.get('nextPageToken')),
  };
}

/** The fields to show: `id`, then those that are asked for. @throws {RestError} 1006 */
export function readFieldNames(parameters: URLSearchParams, fields: RestFields): readonly RestField[] {
  const names = listIn(parameters, 'fields');
  const wanted = ['id', ...(names.length > 0 ? names : DEFAULT_FIELDS)];
  return [...new Set(wanted)].flatMap((name) => {
    const field = fields.get(name);
    if (field) return field;
    // A subscription may lack a field of the default ones.
    if (names.length === 0) return [];
    throw new RestError(REST_CODES.fieldNotFound, `Field '${name}' not found`);
  });
}

/** A comma list, in one parameter or in several of that name. Blanks around values are dropped. */
export function listIn(parameters: URLSearchParams, name: string): readonly string[] {
  return parameters
    .getAll(name)
    .flatMap((text) => text.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
}

function refuseMalformedCookies(values: readonly string[]): void {
  const malformed = values.find((value) => !isCookie(value));
  if (malformed !== undefined) {
    throw new RestError(REST_CODES.invalidCookie, `Invalid cookie value '${malformed}'`);
  }
}

function readBatchSize(text: string | null): number {
  if (text === null || text === '') return REST_LIMITS.values;
  const size = Number(text);
  if (!/^\d+$/.test(text) || size < 1 || size > REST_LIMITS.values) {
    throw invalid(`Invalid value for 'batchSize': 1 to ${REST_LIMITS.values} is expected`);
  }
  return size;
}

function readPageToken(text: string | null): number {
  if (text === null || text === '') return 0;
  const [, id] = /^after:(\d{1,10})$/.exec(Buffer.from(text, 'base64url').toString('latin1')) ?? [];
  if (id === undefined) throw invalid("Invalid value for 'nextPageToken'");
  return Number(id);
}

function pageTokenAfter(id: number): string {
  return Buffer.from(`after:${id}`, 'latin1').toString('base64url');
}

function invalid(message: string): RestError {
  return new RestError(REST_CODES.invalidRequest, message);
}

/** Every third page that has another one says `moreResult: false` all the same, as Marketo does at times. */
const MISLEADING_PAGE = 3;

/** Runs finds; counts pages, so that some say `moreResult: false`. */
export function createFind(store: LeadStore) {
  let pages = 0;
  /** @throws {RestError} 1003 when too many leads match */
  return (query: FindQuery, settings: Settings): RestResult => {
    const leads = matchingLeads(store, query, settings);
    if (leads.length > REST_LIMITS.matches) throw invalid('Too many results match the filter');
    const left = leads.filter(({ id }) => id > query.afterId);
    const page = left.slice(0, query.batchSize);
    const context = { partitionIds: partitionIds(settings) };
    const result = page.map((lead) => leadText(lead, query.fields, context));
    const last = page.at(-1);
    if (!last || page.length === left.length) return { result };
    pages += 1;
    return {
      result,
      nextPageToken: pageTokenAfter(last.id),
      moreResult: pages % MISLEADING_PAGE !== 0,
    };
  };
}

/** Each lead once, by id, without those in partitions that the client may not use. */
function matchingLeads(store: LeadStore, { filter, values }: FindQuery, settings: Settings): readonly Lead[] {
  const lookup = createLookup(store, filter, partitionIds(settings));
  const leads = new Map<number, Lead>();
  for (const value of values) for (const lead of lookup(value)) leads.set(lead.id, lead);
  const visible = visibilityOf(settings);
  return [...leads.values()]
    .filter((lead) => visible(lead) && !(filter.source.of === 'cookies' && lead.anonymous))
    .toSorted((a, b) => a.id - b.id);
}

/** Whether the client may see a lead. */
export function visibilityOf(settings: Settings): (lead: Lead) => boolean {
  const denied = new Set(partitionsOf(settings).flatMap(({ name, access }) => (access ? [] : [name])));
  return (lead) => !denied.has(lead.partition);
}
