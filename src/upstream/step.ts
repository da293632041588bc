/** One call that a lead needs, as its protocol knows it; dispatch reads no more of it than this. */
export type Step = {
  /** Steps of one group may share a call; null: it goes alone. */
  readonly group: string | null;
  /** Bytes that it takes in a call, roughly. */
  readonly size: number;
  /** What earlier calls have stored: ends the detail of every problem from here on. */
  readonly note: string | undefined;
};
