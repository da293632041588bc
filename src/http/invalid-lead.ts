import { GatewayError, type MemberError } from '../leads/errors.ts';

const MAX_LISTED = 1000;
const MAX_TOLD = 3;
const MAX_NAME_LENGTH = 80;

/**
 * The refusal of a lead that breaks rules of the contract. The detail repeats the first few violations, for many
 * tools show a person nothing else.
 */
export function invalidLead(errors: readonly MemberError[]): GatewayError {
  const count = errors.length === 1 ? '1 member is' : `${errors.length} members are`;
  const told = errors
    .slice(0, MAX_TOLD)
    .map(({ pointer, detail }) => sentence(`${nameOf(pointer)}: ${detail}`));
  const more = errors.length > MAX_TOLD ? [`And ${errors.length - MAX_TOLD} more.`] : [];
  const cut = errors.length > MAX_LISTED ? [`errors lists the first ${MAX_LISTED}.`] : [];
  return new GatewayError('validation-failed', {
    detail: [`${count} not valid.`, ...told, ...more, ...cut].join(' '),
    errors: errors.slice(0, MAX_LISTED),
  });
}

function sentence(words: string): string {
  return words.endsWith('?') ? words : `${words}.`;
}

/** A pointer in the words of a person: `#/attributes/LeadScore` is attributes/LeadScore, `#` the lead. */
function nameOf(pointer: string): string {
  if (pointer === '#') return 'The lead';
  const name = decodeURIComponent(pointer.slice(2)).replaceAll('~1', '/').replaceAll('~0', '~');
  if (name.length <= MAX_NAME_LENGTH) return name;
  // A cut between the halves of a surrogate pair would leave text that is not Unicode.
  return `${name.slice(0, MAX_NAME_LENGTH).replace(/\p{Surrogate}$/u, '')}…`;
}
