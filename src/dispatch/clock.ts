/** Time as an argument, so that tests can hold it. */
export type Clock = {
  /** The time of day, in ms since 1970; may jump. For what is agreed with others: midnight, signatures, dates. */
  readonly now: () => number;
  /** Ms since some start; never jumps. For everything that is measured or waited for. */
  readonly elapsed: () => number;
};
