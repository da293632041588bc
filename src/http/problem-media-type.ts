import Negotiator from 'negotiator';

const PROBLEM = 'application/problem+json';
const JSON_TYPE = 'application/json';

/**
 * The media type of a problem for an `Accept` header: that of problems (RFC 9457, 3), but plain JSON for clients that
 * know no other. Who can read neither gets the problem all the same: it says more than a 406.
 */
export function problemMediaType(accept: string | undefined): string {
  if (accept === undefined || accept === '*/*') return PROBLEM;
  if (accept === JSON_TYPE) return JSON_TYPE;
  return (
    new Negotiator({ headers: { accept: simplified(accept) } }).mediaType([PROBLEM, JSON_TYPE]) ?? PROBLEM
  );
}

/**
 * The ranges without parameters but their quality, since `application/json;charset=utf-8` asks for JSON as well; that of
 * problems first, so that it wins where both are as welcome.
 */
function simplified(accept: string): string {
  const ranges = accept.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    return [type, ...parameters.filter((parameter) => /^q\s*=/i.test(parameter))].join(';');
  });
  return [...ranges.filter(isProblem), ...ranges.filter((range) => !isProblem(range))].join(',');
}

function isProblem(range: string): boolean {
  return range.toLowerCase().startsWith(PROBLEM);
}
