import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { isPlaceholder, isPlaceholderAddress } from '../../leads/placeholder.ts';
import { describeInvalidCharacter } from '../../text/xml-characters.ts';

/** Of the address as it goes on. */
export const MAX_EMAIL_LENGTH = 255;
/** What is longer is not looked at: no domain of that length maps to one that is short enough. */
const MAX_LENGTH_GIVEN = 1024;

const EXAMPLE = 'an email address such as jane@example.com';

/** Addresses as HTML forms accept them, in ASCII. */
const ASCII_ADDRESS = z.regexes.html5Email;
/** Addresses in ASCII have printable characters only; others are looked at closely. */
const UNUSUAL = /[^ -~]/;
const ASCII = /^\p{ASCII}*$/u;
/** What a domain may hold before it is mapped. `domainToASCII` reads more into it: ports, paths and percent signs. */
const DOMAIN = /^(?:[\dA-Za-z.-]|\P{ASCII})+$/u;
/** Full stops, of all scripts that have one (UTS 46, 4). */
const ENDS_IN_STOP = /[.\u3002\uFF0E\uFF61]$/;
const IS_NUMBER = /(?:^|\.)(?:\d+|0x[\da-f]*)$/i;

/**
 * The same as a pattern for validators: the addresses in ASCII, and those with other characters in their domain. Which of
 * the latter have a form in ASCII no pattern says.
 */
export const EMAIL_PATTERN = `${ASCII_ADDRESS.source}|^[a-zA-Z0-9.!#$%&'*+/=?^_\`{|}~-]+@[A-Za-z0-9.-]*[^ -~][^ -,/:-@\\[-\`{-~]*$`;

/**
 * A valid address as it goes on: as it is when it is ASCII, else with its domain in the form the DNS has (A-labels, by
 * UTS 46, as browsers do it), so that both spellings are one lead.
 */
export function toWireAddress(address: string): string {
  return UNUSUAL.test(address) ? (mapAddress(address) ?? address) : address;
}

/** `undefined` when it is no address. */
function mapAddress(address: string): string | undefined {
  if (ASCII_ADDRESS.test(address)) return address;
  if (address.length > MAX_LENGTH_GIVEN || ASCII.test(address)) return undefined;
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  if (at === -1 || !DOMAIN.test(domain) || ENDS_IN_STOP.test(domain)) return undefined;
  const mapped = domainToASCII(domain);
  // Digits of other scripts make an IPv4 address.
  if (mapped === '' || IS_NUMBER.test(mapped)) return undefined;
  const wire = address.slice(0, at + 1) + mapped;
  return ASCII_ADDRESS.test(wire) ? wire : undefined;
}

/** What is wrong with an address, in words that help; `undefined` when nothing is. */
export function emailComplaint(address: string): string | undefined {
  const wire = mapAddress(address);
  if (wire === undefined) return describeOtherAddress(address);
  if (wire.length > MAX_EMAIL_LENGTH) {
    return wire === address
      ? `must have at most ${MAX_EMAIL_LENGTH} characters`
      : `must have at most ${MAX_EMAIL_LENGTH} characters, with its domain as the DNS has it (xn--…)`;
  }
  if (!isPlaceholderAddress(wire)) return undefined;
  return 'is a placeholder and no address; leave email out when there is none';
}

function describeOtherAddress(address: string): string {
  if (address === '') return `must be ${EXAMPLE}; leave it out when there is none`;
  if (address.length > MAX_LENGTH_GIVEN) return `must have at most ${MAX_EMAIL_LENGTH} characters`;
  const at = address.lastIndexOf('@');
  if (at === -1 ? isPlaceholder(address) : isPlaceholderAddress(address)) {
    return `must be ${EXAMPLE}, and is a placeholder; leave it out when there is none`;
  }
  if (/^[\s\u200B]|[\s\u200B]$/u.test(address)) return `must be ${EXAMPLE}, without blanks around it`;
  if (/<[^<>]+@[^<>]+>$/.test(address)) return `must be ${EXAMPLE}: send what stands between < and > alone`;
  if (at === -1 || ASCII.test(address)) return `must be ${EXAMPLE}`;
  if (!ASCII.test(address.slice(0, at))) {
    return `must be ${EXAMPLE}: letters beyond A to Z may stand behind the @ only`;
  }
  return `must be ${EXAMPLE}: its domain is not valid`;
}

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
  return describeInvalidCharacter(cookie) ?? describeOtherCookie(cookie);
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

function describeOtherCookie(cookie: string): string {
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
