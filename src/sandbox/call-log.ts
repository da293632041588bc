/** One SOAP call as the log keeps it: never who called, what was sent, or a signature. */
export type CallEntry = {
  /** Counts up from 1, over resets of the log too. */
  readonly number: number;
  /** Arrival, epoch milliseconds. */
  readonly time: number;
  /** `unknown` when the call could not be read that far. */
  readonly operation: string;
  readonly records: number;
  readonly outcome: CallOutcome;
  /** Only with outcome FAULT. */
  readonly faultCode?: number;
  /** How many records got which status, for the upserts. */
  readonly statuses?: Readonly<Record<string, number>>;
  readonly durationMs: number;
};

/** MIXED: a batch whose records fared differently. OTHER: no vendor's fault, nor a result (SOAP's own, HTTP's). */
type CallOutcome =
  | 'CREATED'
  | 'UPDATED'
  | 'FAILED'
  | 'MIXED'
  | 'FOUND'
  | 'FAULT'
  | 'RESET'
  | 'GARBAGE'
  | 'OTHER';

export type CallLog = {
  add(entry: Omit<CallEntry, 'number'>): void;
  /** Oldest first. */
  all(): readonly CallEntry[];
  clear(): void;
};

/** Keeps the last calls; the oldest go when there are twice as many, so that adding stays cheap. */
export function createCallLog(onChange: () => void, keep = 1000): CallLog {
  let entries: CallEntry[] = [];
  let next = 1;
  return {
    add(entry) {
      entries.push({ number: next++, ...entry });
      if (entries.length >= keep * 2) entries = entries.slice(-keep);
      onChange();
    },
    all: () => entries.slice(-keep),
    clear() {
      entries = [];
      onChange();
    },
  };
}
