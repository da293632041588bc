// What benchmarks print.

export const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
export const figure = (number, digits = 2) => (Number.isFinite(number) ? number.toFixed(digits) : '-');

/** @param columns the title of each, and what gives its cell of a row */
export function table(rows, columns) {
  const cells = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, cell]) => cell(row)))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index].length)));
  return cells
    .map((line) =>
      line
        .map((cell, index) => (index === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[index])))
        .join('   '),
    )
    .join('\n');
}
