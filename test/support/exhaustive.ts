import { describe, test } from 'vitest';

/**
 * Options of a test that npm test leaves to `npm run test:all` and .ci/run, because it goes through all cases of which
 * another test has some (CONTRIBUTING.md#exhaustive-tests).
 */
export const EXHAUSTIVE = { tags: ['exhaustive'] };

type Each<Arguments extends readonly any[]> = (name: string, check: (...row: Arguments) => unknown) => void;

/** A test, or a group of tests, for each row of a table; npm test has every nth, from the first on. */
type Every = {
  <Row extends any[] | [any]>(nth: number, rows: readonly Row[]): Each<Row>;
  <Row extends readonly any[]>(nth: number, rows: readonly Row[]): Each<Row>;
  <Row>(nth: number, rows: readonly Row[]): Each<[Row]>;
};

export const testEvery = every(test);
export const describeEvery = every(describe);

function every(register: typeof test | typeof describe): Every {
  return (nth: number, rows: readonly unknown[]) => (name: string, check: (...row: any[]) => any) => {
    register.each(rows.filter((_row, index) => index % nth === 0))(name, check);
    register.each(rows.filter((_row, index) => index % nth !== 0))(name, EXHAUSTIVE, check);
  };
}

type Table = <Row>(
  nth: number,
  rows: readonly Row[],
) => (name: string, check: (rows: readonly Row[]) => unknown) => void;

/** A test that goes through a table by itself: in npm test through every nth row. */
export const testTable = table(test);

function table(register: typeof test): Table {
  return (nth, rows) => (name, check) => {
    const some = rows.filter((_row, index) => index % nth === 0);
    register(name, async () => void (await check(some)));
    register(`${name}, in all cases`, EXHAUSTIVE, async () => void (await check(rows)));
  };
}
