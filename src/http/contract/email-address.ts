import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { isPlaceholder, isPlaceholderAddress } from '../../leads/placeholder.ts';

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
  if (wire === undefined) return describeOther(address);
  if (wire.length > MAX_EMAIL_LENGTH) {
    return wire === address
      ? `must have at most ${MAX_EMAIL_LENGTH} characters`
      : `must have at most ${MAX_EMAIL_LENGTH} characters, with its domain as the DNS has it (xn--…)`;
  }
  if (!isPlaceholderAddress(wire)) return undefined;
  return 'is a placeholder and no address; leave email out when there is none';
}

function describeOther(address: string): string {
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
