const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * The next midnight in US Central time after `nowMs`, both in ms since 1970. By the law since 2007, 15 U.S.C.
 * 260a: `Intl.DateTimeFormat` would take 15 ms of a start to load its data (docs/performance.md#start).
 */
export function nextMidnightInChicago(nowMs: number): number {
  const localMs = nowMs - offsetOf(nowMs);
  const midnightMs = (Math.floor(localMs / DAY_MS) + 1) * DAY_MS;
  // Midnight is at 5:00 or 6:00 UTC, and clocks change later.
  return midnightMs + offsetOf(midnightMs + 5 * HOUR_MS);
}

/** In the first hour of a day of daylight saving time the ms to midnight of standard time; else undefined. */
export function msToStandardMidnight(nowMs: number): number | undefined {
  const sinceMidnightMs = (((nowMs - offsetOf(nowMs)) % DAY_MS) + DAY_MS) % DAY_MS;
  const isLate = offsetOf(nowMs) === 5 * HOUR_MS && sinceMidnightMs < HOUR_MS;
  return isLate ? HOUR_MS - sinceMidnightMs : undefined;
}

/** How much local time is behind UTC. */
function offsetOf(ms: number): number {
  const year = new Date(ms).getUTCFullYear();
  // At 2:00 of the time that ends: the second Sunday in March and the first in November.
  const isSummer = ms >= sunday(year, 2, 8) + 8 * HOUR_MS && ms < sunday(year, 10, 1) + 7 * HOUR_MS;
  return isSummer ? 5 * HOUR_MS : 6 * HOUR_MS;
}

/** The first Sunday from a day of a month on, at 0:00 UTC. */
function sunday(year: number, month: number, day: number): number {
  const weekday = new Date(Date.UTC(year, month, day)).getUTCDay();
  return Date.UTC(year, month, day + ((7 - weekday) % 7));
}
