import { isPlaceholder } from '../../leads/placeholder.ts';
import { describeUncarriable } from '../../leads/text.ts';

/** The name of the Munchkin cookie. */
const NAME = '_mkto_trk';
const FORM = 'id:<munchkin id>&token:<token>';

/** Characters of a cookie's value (RFC 6265, 4.1.1), without those that separate, encode or delimit. */
const OCTET = String.raw`[\w!#()*+./:=?@^|~-]`;
const COOKIE = new RegExp(`^id:(${OCTET}+)&token:(${OCTET}+)$`);

/** Longer values are no cookies: browsers keep 4096 bytes of one (RFC 6265, 6.1). */
const MAX_LENGTH = 4096;

/** How often a value is decoded to find out what it was before it was encoded too often. */
const MAX_ENCODINGS = 4;

/**
 * The Munchkin cookie as it goes on: percent-decoded where it is percent-encoded. A value that does not decode is left
 * as it is.
 */
export function decodeCookie(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/**
 * What is wrong with a cookie's value, in words that say what to send instead; `undefined` when nothing is. It may only be
 * one that Munchkin makes: any other text would be the same for many visitors, and their leads one.
 */
export function cookieComplaint(value: string): string | undefined {
  const cookie = decodeCookie(value);
  const [, id = '', token = ''] = COOKIE.exec(cookie) ?? [];
  if (id !== '' && cookie.length <= MAX_LENGTH) {
    return isPlaceholder(id) || isPlaceholder(token) || isHalfMade(token)
      ? `has a placeholder where the cookie has a value; it must be the value of the cookie ${NAME}, ${FORM}`
      : undefined;
  }
  if (cookie.length > MAX_LENGTH)
    return `is longer than any cookie; send the value of ${NAME} alone, ${FORM}`;
  return describeUncarriable(cookie) ?? describeOther(cookie);
}

/**
 * Whether a token lacks a part: Munchkin makes `_mch-<domain>-<time>-<number>`, and a script that makes one of values it
 * does not have puts the words for those in.
 */
function isHalfMade(token: string): boolean {
  const parts = /^_mch-?(.*)$/.exec(token)?.[1]?.split('-');
  if (parts === undefined) return false;
  const domain = parts.slice(0, -2).join('-');
  return (
    parts.join('') === '' || [domain, ...parts.slice(-2)].some((part) => part !== '' && isPlaceholder(part))
  );
}

function describeOther(cookie: string): string {
  const alone = `send the value of the cookie ${NAME} alone, ${FORM}`;
  if (isPlaceholder(cookie)) {
    return `is a placeholder and no cookie; leave marketoCookie out when there is none, else ${alone}`;
  }
  if (isCookie(cookie.trim())) return `has blanks around it; ${alone}`;
  if (isCookie(cookie.replaceAll(/^[\s"'`]+|[\s"'`]+$/g, ''))) return `has quotes around it; ${alone}`;
  if (isCookie(cookie.replaceAll('&amp;', '&'))) return `is encoded for HTML (&amp;); ${alone}`;
  if (/^\s*(?:set-)?cookie:|;/i.test(cookie)) return `is a whole Cookie header; ${alone}`;
  if (cookie.includes(`${NAME}=`)) return `has the name of the cookie in it; ${alone}, without ${NAME}=`;
  if (isEncodedTwice(cookie)) return 'is percent-encoded more than once; send it as the browser has it';
  return `is not the value of a ${NAME} cookie, which is ${FORM}`;
}

function isCookie(text: string): boolean {
  return COOKIE.test(text);
}

function isEncodedTwice(once: string): boolean {
  let text = once;
  for (let more = 1; more < MAX_ENCODINGS; more += 1) {
    text = decodeCookie(text);
    if (isCookie(text)) return true;
  }
  return false;
}
