/** The time as the upstream sees it, in ms since 1970: ours, corrected by what the upstream last told us. */
export type UpstreamClock = {
  now(): number;
  /** Takes over the time of a `Date` header (one second resolution); a header that is no date changes nothing. */
  correct(dateHeader: string): void;
};

/** `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7). `Date.parse` alone makes a date of almost anything with a digit. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** A correction smaller than this is the resolution of the header and the way of the answer, not skew. */
const TOLERANCE_MS = 2000;

/**
 * Fault 20016 says that our clock and the upstream's differ by more than 15 minutes; signing with the upstream's time
 * mends it (contract B, "Errors"). The correction is remembered, and told once, when it changes.
 *
 * @param onCorrection gets the ms to add to our clock
 */
export function createUpstreamClock(
  now: () => number,
  onCorrection: (correctionMs: number) => void,
): UpstreamClock {
  let correctionMs = 0;
  return {
    now: () => now() + correctionMs,
    correct(dateHeader) {
      const upstreamMs = HTTP_DATE.test(dateHeader) ? Date.parse(dateHeader) : Number.NaN;
      const measuredMs = upstreamMs - now();
      if (Number.isNaN(upstreamMs) || Math.abs(measuredMs - correctionMs) <= TOLERANCE_MS) return;
      correctionMs = measuredMs;
      onCorrection(correctionMs);
    },
  };
}
