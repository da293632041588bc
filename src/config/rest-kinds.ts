import { z } from 'zod';
import { IDENTITY_BASE, REST_BASE, REST_PATHS } from '../text/rest-protocol.ts';
import { findRepeatedMember } from '../text/repeated-member.ts';
import { isXmlText } from '../text/xml-characters.ts';

/** The kinds of the variables for Marketo's REST API; messages are sentences without their subject. */

const word = z.string().trim();

/** A web address without the slashes at its end, or what is wrong with it. */
function readAddress(value: string): URL | string {
  if (!URL.canParse(value)) return 'must be a URL';
  const url = new URL(value);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must be an https: URL';
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or a password';
  if (/munchkin/.test(url.hostname)) {
    return 'has a placeholder in it; put the id of your subscription there';
  }
  if (url.search !== '') return 'must not have a query';
  url.hash = '';
  // A path with // in it is answered with 610.
  url.pathname = url.pathname.replaceAll(/\/{2,}/g, '/').replace(/\/+$/, '');
  return url;
}

const VENDOR = /^(.+)\.(mktorest\.com|mktoapi\.com)\.?$/;

function vendorComplaint({ hostname, pathname }: URL): string | undefined {
  const [, id, domain] = VENDOR.exec(hostname) ?? [];
  if (id === undefined) return undefined;
  const advice = `the REST endpoint is https://${id}.mktorest.com/rest`;
  if (domain === 'mktoapi.com') return `is a host of the SOAP API; ${advice}`;
  return pathname === '/' || pathname === REST_BASE
    ? undefined
    : `does not have the path of the REST API; ${advice}`;
}

/** The base of the REST API; operators paste it with or without `/rest`. */
export const restEndpoint = word.transform((value, context) => {
  const url = readAddress(value);
  const complaint = typeof url === 'string' ? url : vendorComplaint(url);
  if (typeof url === 'string' || complaint !== undefined) {
    context.addIssue({ code: 'custom', message: complaint ?? 'must be a URL' });
    return z.NEVER;
  }
  if (!url.pathname.endsWith(REST_BASE)) url.pathname = url.pathname.replace(/\/$/, '') + REST_BASE;
  return url;
});

/** The base of identity; the whole address of a token is taken, too. */
export const identityEndpoint = word.transform((value, context) => {
  const url = readAddress(value);
  if (typeof url === 'string') {
    context.addIssue({ code: 'custom', message: url });
    return z.NEVER;
  }
  if (url.pathname.endsWith(REST_PATHS.token)) url.pathname = url.pathname.slice(0, -REST_PATHS.token.length);
  if (url.pathname === '/') url.pathname = IDENTITY_BASE;
  return url;
});

export const upstreamProtocol = word
  .toLowerCase()
  .pipe(z.enum(['rest', 'soap'], { error: 'must be rest or soap' }));

const MAP_ERROR = 'must be a JSON object of names, such as';

/** Whether a value can be a name in MARKETO_FIELD_NAMES and the other maps. */
export function isName(name: unknown): boolean {
  return typeof name === 'string' && name.trim() !== '' && isXmlText(name);
}

/** A JSON object whose members are texts; undefined if it is something else. */
function readNames(value: string): Readonly<Record<string, string>> | undefined {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  return Object.entries(json).every(([key, name]) => isName(key) && isName(name))
    ? (json as Readonly<Record<string, string>>)
    : undefined;
}

/** A map of names as JSON. */
const names = (example: string) =>
  z.string().transform((value, context) => {
    const read = readNames(value);
    const repeated = read && findRepeatedMember(value);
    if (read !== undefined && repeated === undefined) return new Map(Object.entries(read));
    const complaint =
      repeated === undefined ? `${MAP_ERROR} ${example}` : `has ${JSON.stringify(repeated)} twice`;
    context.addIssue({ code: 'custom', message: complaint });
    return z.NEVER;
  });

export const fieldNames = names('{"FirstName":"firstName"}');

/** Workspaces in lower case, since their names compare without case. */
export const workspacePartitions = names('{"EMEA":"Europe"}').transform((map, context) => {
  const lower = new Map([...map].map(([workspace, partition]) => [workspace.toLowerCase(), partition]));
  if (lower.size === map.size) return lower;
  context.addIssue({ code: 'custom', message: 'names a workspace twice; names compare without case' });
  return z.NEVER;
});

/** The REST name of the field, or one for each prefix of an SFDC id. */
export type ForeignIdFields = Readonly<
  Partial<
    Record<'CUSTOM' | 'SFDC' | 'NETSUITE', string | { readonly lead: string; readonly contact: string }>
  >
>;

const FOREIGN_EXAMPLE = '{"CUSTOM":"crmPersonId","SFDC":"sfdcLeadId|sfdcContactId"}';

export const foreignIdFields = names(FOREIGN_EXAMPLE).transform((map, context): ForeignIdFields => {
  const complain = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  const fields: Record<string, ForeignIdFields['SFDC']> = {};
  const used = new Set<string>(['id', 'email', 'cookies']);
  for (const [type, text] of map) {
    if (type !== 'CUSTOM' && type !== 'SFDC' && type !== 'NETSUITE') {
      return complain(
        `must have no other members than CUSTOM, SFDC and NETSUITE, such as ${FOREIGN_EXAMPLE}`,
      );
    }
    const parts = text.split('|').map((part) => part.trim());
    const [lead = '', contact] = parts;
    if (parts.includes('') || parts.length > 2 || (parts.length === 2 && type !== 'SFDC')) {
      return complain(
        'must name one field for each type, or lead and contact for SFDC, with a | between them',
      );
    }
    // Leads with one id could pass each other if it were two ordering keys.
    if (parts.some((part) => used.has(part)) || lead === contact) {
      return complain('must name another field for each type, and none that is a member of its own');
    }
    for (const part of parts) used.add(part);
    fields[type] = contact === undefined ? lead : { lead, contact };
  }
  return fields;
});
