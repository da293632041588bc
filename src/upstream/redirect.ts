/**
 * What an answer of 3xx does, as it goes on after "Marketo ...".
 *
 * @param redirectsTo the target, as people may read it; null without one
 */
export function describeRedirect(httpStatus: number | null, redirectsTo: string | null): string {
  const status = `(HTTP status ${httpStatus})`;
  if (redirectsTo !== null) return `redirects to ${redirectsTo} ${status}`;
  return httpStatus === 304
    ? `says that nothing has changed ${status}, as a cache in between does`
    : `redirects without saying where ${status}`;
}
