import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { isPlaceholder, isPlaceholderAddress } from '../../leads/placeholder.ts';
import { describeInvalidCharacter } from '../../text/xml-characters.ts';

/** Of the address that is sent to Marketo. */
export const MAX_EMAIL_LENGTH = 255;
/** Longer addresses are not checked: no domain of that length maps to one that is short enough. */
const MAX_GIVEN_LENGTH = 1024;

const EXAMPLE = 'an email address such as jane@example.com';

/** Addresses as HTML forms accept them, in ASCII. */
const ASCII_ADDRESS = z.regexes.html5Email;
/** Addresses in ASCII have only printable characters; all others are checked. */
const UNUSUAL = /[^ -~]/;
const ASCII = /^\p{ASCII}*$/u;
/** A domain before it is mapped. `domainToASCII` would also accept ports, paths and percent signs. */
const DOMAIN = /^(?:[\dA-Za-z.-]|\P{ASCII})+$/u;
/** Full stops of all scripts (UTS 46, 4). */
const ENDS_IN_STOP = /[.\u3002\uFF0E\uFF61]$/;
const IS_NUMBER = /(?:^|\.)(?:\d+|0x[\da-f]*)$/i;

/**
 * The same as a pattern for validators: addresses in ASCII, and those with other characters in their domain. No pattern
 * can tell which of the latter have an ASCII form.
 */
export const EMAIL_PATTERN = `${ASCII_ADDRESS.source}|^[a-zA-Z0-9.!#$%&'*+/=?^_\`{|}~-]+@[A-Za-z0-9.-]*[^ -~][^ -,/:-@\\[-\`{-~]*$`;

/**
 * A valid address as it is sent to Marketo: unchanged if it is ASCII, otherwise with its domain as the DNS has it
 * (A-labels by UTS 46, as in browsers), so that both spellings are one lead.
 */
export function toWireAddress(address: string): string {
  return UNUSUAL.test(address) ? (mapAddress(address) ?? address) : address;
}

/** The address as it is sent; undefined if it is not an address. */
function mapAddress(address: string): string | undefined {
  if (address.length > MAX_GIVEN_LENGTH) return undefined;
  if (ASCII_ADDRESS.test(address)) return address;
  if (ASCII.test(address)) return undefined;
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  if (at === -1 || !DOMAIN.test(domain) || ENDS_IN_STOP.test(domain)) return undefined;
  const mapped = domainToASCII(domain);
  // Digits of other scripts may map to an IPv4 address.
  if (mapped === '' || IS_NUMBER.test(mapped)) return undefined;
  const wire = address.slice(0, at + 1) + mapped;
  return ASCII_ADDRESS.test(wire) ? wire : undefined;
}

/** What is wrong with an address, for the caller; undefined if it is valid. */
export function emailComplaint(address: string): string | undefined {
  const wire = mapAddress(address);
  if (wire === undefined) return describeOtherAddress(address);
  if (wire.length > MAX_EMAIL_LENGTH) {
    return wire === address
      ? `must have at most ${MAX_EMAIL_LENGTH} characters`
      : `must have at most ${MAX_EMAIL_LENGTH} characters, with its domain as the DNS has it (xn--…)`;
  }
  if (!isPlaceholderAddress(wire)) return undefined;
  return 'is a placeholder, not an address; leave email out if there is none';
}

function describeOtherAddress(address: string): string {
  if (address === '') return `must be ${EXAMPLE}; leave it out if there is none`;
  if (address.length > MAX_GIVEN_LENGTH) return `must have at most ${MAX_EMAIL_LENGTH} characters`;
  const at = address.lastIndexOf('@');
  if (at === -1 ? isPlaceholder(address) : isPlaceholderAddress(address)) {
    return `must be ${EXAMPLE}, but is a placeholder; leave it out if there is none`;
  }
  if (/^[\s\u200B]|[\s\u200B]$/u.test(address)) return `must be ${EXAMPLE}, without blanks around it`;
  if (/<[^<>]+@[^<>]+>$/.test(address)) return `must be ${EXAMPLE}: send only what is between < and >`;
  if (at === -1 || ASCII.test(address)) return `must be ${EXAMPLE}`;
  if (!ASCII.test(address.slice(0, at))) {
    return `must be ${EXAMPLE}: letters other than A to Z are allowed only after the @`;
  }
  return `must be ${EXAMPLE}: its domain is not valid`;
}

/** The name of the Munchkin cookie. */
const NAME = '_mkto_trk';
const FORM = 'id:<munchkin id>&token:<token>';

/** Characters of a cookie's value (RFC 6265, 4.1.1), except separators, delimiters and the percent sign. */
const OCTET = String.raw`[\w!#()*+./:=?@^|~-]`;
const COOKIE = new RegExp(`^id:(${OCTET}+)&token:(${OCTET}+)$`);

/** Longer values are not cookies: browsers keep 4096 bytes of one (RFC 6265, 6.1). */
const MAX_COOKIE_LENGTH = 4096;
/** Of a character of a cookie: `%3A`. */
const ENCODED_LENGTH = 3;
const TOO_LONG = `is longer than any cookie; send the value of ${NAME} alone, ${FORM}`;

/** How often a value is decoded to find out whether it was encoded too often. */
const MAX_ENCODINGS = 4;

/** The Munchkin cookie as it is sent to Marketo: percent-decoded, or unchanged if it cannot be decoded. */
export function decodeCookie(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/**
 * What is wrong with a cookie's value and what to send instead; undefined if it is valid. Only values that Munchkin makes
 * are accepted: any other text could be the same for many visitors and merge their leads.
 */
export function cookieComplaint(value: string): string | undefined {
  if (value.length > MAX_COOKIE_LENGTH * ENCODED_LENGTH) return TOO_LONG;
  const cookie = decodeCookie(value);
  const [, id = '', token = ''] = COOKIE.exec(cookie) ?? [];
  if (id !== '' && cookie.length <= MAX_COOKIE_LENGTH) {
    return isPlaceholder(id) || isPlaceholder(token) || isIncomplete(token)
      ? `has a placeholder in place of a value; send the value of the cookie ${NAME} alone, ${FORM}`
      : undefined;
  }
  if (cookie.length > MAX_COOKIE_LENGTH) return TOO_LONG;
  return describeInvalidCharacter(cookie) ?? describeOtherCookie(cookie);
}

/**
 * Whether a token has an empty value: Munchkin makes `_mch-<domain>-<time>-<number>`, and a script that imitates it without
 * those values writes `undefined` or the like.
 */
function isIncomplete(token: string): boolean {
  const parts = /^_mch-?(.*)$/.exec(token)?.[1]?.split('-');
  if (parts === undefined) return false;
  const domain = parts.slice(0, -2).join('-');
  return (
    parts.join('') === '' || [domain, ...parts.slice(-2)].some((part) => part !== '' && isPlaceholder(part))
  );
}

function describeOtherCookie(cookie: string): string {
  const alone = `send the value of the cookie ${NAME} alone, ${FORM}`;
  if (isPlaceholder(cookie)) {
    return `is a placeholder, not a cookie; leave marketoCookie out if there is none, otherwise ${alone}`;
  }
  if (isCookie(cookie.trim())) return `has blanks around it; ${alone}`;
  if (isCookie(cookie.replaceAll(/^[\s"'`]+|[\s"'`]+$/g, ''))) return `has quotes around it; ${alone}`;
  if (isCookie(cookie.replaceAll('&amp;', '&'))) return `is encoded for HTML (&amp;); ${alone}`;
  if (/^\s*(?:set-)?cookie:|;/i.test(cookie)) return `is a whole Cookie header; ${alone}`;
  if (cookie.includes(`${NAME}=`)) return `contains the name of the cookie; ${alone}, without ${NAME}=`;
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
