/** Days in US Central time, at whose midnight the daily budget is reset (contract A, "Limits of a subscription"). */

const HOUR_MS = 3_600_000;
const FORMAT = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/Chicago',
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
});

/** First and first-no-more millisecond of a day; 23, 24 or 25 hours apart. */
export type Day = { readonly startMs: number; readonly endMs: number };

/** The US Central day that holds an instant (epoch milliseconds). */
export function usCentralDay(nowMs: number): Day {
  const { year, month, day } = wallClock(nowMs);
  return { startMs: midnight(year, month, day), endMs: midnight(year, month, day + 1) };
}

/**
 * The instant a day begins there. Central time is five or six hours behind UTC, and the clocks change at two in
 * the morning, so that each midnight happens once: at five or at six o'clock UTC.
 */
function midnight(year: number, month: number, day: number): number {
  const fiveUtc = Date.UTC(year, month - 1, day, 5);
  return wallClock(fiveUtc).hour === 0 ? fiveUtc : fiveUtc + HOUR_MS;
}

function wallClock(ms: number): { year: number; month: number; day: number; hour: number } {
  const parts = { year: 0, month: 0, day: 0, hour: 0 };
  for (const { type, value } of FORMAT.formatToParts(ms)) {
    if (type in parts) parts[type as keyof typeof parts] = Number(value);
  }
  return parts;
}
