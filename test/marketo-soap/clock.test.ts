import { expect, test } from 'vitest';
import { createUpstreamClock } from '../../src/marketo-soap/signing.ts';

const NOW = Date.parse('2013-08-01T12:00:00Z');

function start() {
  const corrections: number[] = [];
  const clock = createUpstreamClock(
    () => NOW,
    (correctionMs) => corrections.push(correctionMs),
  );
  return { clock, corrections };
}

test('without a correction it shows our time', () => {
  expect(start().clock.now()).toBe(NOW);
});

test.each([
  ['Thu, 01 Aug 2013 12:20:00 GMT', 1_200_000],
  ['Thu, 01 Aug 2013 11:00:00 GMT', -3_600_000],
  ['Thu, 01 Aug 2013 12:00:03 GMT', 3000],
])('%s corrects it by %i ms and tells it', (date, correctionMs) => {
  const { clock, corrections } = start();
  clock.correct(date);
  expect(clock.now()).toBe(NOW + correctionMs);
  expect(corrections).toEqual([correctionMs]);
});

test('a correction is remembered and reported once', () => {
  const { clock, corrections } = start();
  for (const second of ['00', '01', '02']) clock.correct(`Thu, 01 Aug 2013 13:00:${second} GMT`);
  expect(clock.now()).toBe(NOW + 3_600_000);
  expect(corrections).toEqual([3_600_000]);
});

test('it follows the upstream when that moves, also back to our time', () => {
  const { clock, corrections } = start();
  clock.correct('Thu, 01 Aug 2013 13:00:00 GMT');
  clock.correct('Thu, 01 Aug 2013 12:00:00 GMT');
  expect(clock.now()).toBe(NOW);
  expect(corrections).toEqual([3_600_000, 0]);
});

test.each([
  'Thu, 01 Aug 2013 12:00:02 GMT',
  '',
  'yesterday',
  '1',
  'Apache 2',
  '2013-08-01T13:00:00Z',
  'Thu Aug  1 13:00:00 2013',
  'Thu, 01 Aug 12013 13:00:00 GMT',
  'Thu, 99 Aug 2013 13:00:00 GMT',
])('%j changes nothing', (date) => {
  const { clock, corrections } = start();
  clock.correct(date);
  expect(clock.now()).toBe(NOW);
  expect(corrections).toEqual([]);
});
