/** A row of the file, ready to be sent. */
export type Row = {
  /** Counted from 1 as a spreadsheet does, the header and blank rows included; in NDJSON the line. */
  readonly row: number;
  /** The body of `PUT /leads`, on one line. */
  readonly body: string;
  /** The keys that name its person, for the order of rows of one person. */
  readonly keys: readonly string[];
  /** As the file of failed rows repeats it: the cells, or the line. */
  readonly source: readonly string[] | string;
};

/** The rows of a file as it was opened, and how those that failed are written. */
export type Source = {
  readonly rows: () => AsyncGenerator<Row>;
  /** How many rows there are that are not blank. */
  readonly total: number;
  /** Changes with the content of the file. */
  readonly hash: string;
  /** The first line of the file of failed rows; empty if it has none. */
  readonly failedHeader: string;
  readonly failedLine: (failure: Failure) => string;
};

export type Failure = {
  readonly row: Row;
  readonly status: number;
  /** The problem's type, without the address before it. */
  readonly problem: string;
  readonly detail: string;
};

/** The keys of a lead, each with its name; email without case, as Marketo compares it. */
export function keysOf(lead: Readonly<Record<string, unknown>>): string[] {
  const { id, email, foreignSysType, foreignSysPersonId, marketoCookie } = lead;
  return [
    ['id', text(id)],
    ['email', text(email).toLowerCase()],
    [`foreign ${text(foreignSysType)}`, text(foreignSysPersonId)],
    ['cookie', text(marketoCookie)],
  ].flatMap(([name, value]) => (value === '' ? [] : [`${name} ${value}`]));
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '';
}
