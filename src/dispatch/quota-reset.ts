const DAY_MS = 86_400_000;

const chicagoDay = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'America/Chicago',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
});

/**
 * The ms from `nowMs` to the next midnight in US Central time, when the daily quota starts anew (contract A,
 * "Limits"). Days of 23 and 25 hours included; at midnight itself it is a whole day.
 */
export function msToQuotaReset(nowMs: number): number {
  const today = chicagoDay.format(nowMs);
  // Midnight is where the date changes; a day is never longer than 25 hours. Halving finds it to the ms.
  let sameDay = nowMs;
  let nextDay = nowMs + DAY_MS + 3_600_000;
  while (nextDay - sameDay > 1) {
    const middle = Math.floor((sameDay + nextDay) / 2);
    if (chicagoDay.format(middle) === today) sameDay = middle;
    else nextDay = middle;
  }
  return nextDay - nowMs;
}
