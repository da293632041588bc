import type { CallReport } from '../soap-server/endpoint.ts';
import type { RestCallReport } from './rest/call.ts';

/** A call of either face. */
type FaceReport = CallReport | RestCallReport;

type CallEntry = FaceReport & {
  /** Counts up from 1, and goes on when the log is cleared. */
  readonly number: number;
};

export type CallLog = {
  add(call: FaceReport): void;
  /** Oldest first. */
  all(): readonly CallEntry[];
  clear(): void;
};

/** Keeps the last calls. The oldest are removed when there are twice as many, so that adding stays cheap. */
export function createCallLog(onChange: () => void, keep = 1000): CallLog {
  let entries: CallEntry[] = [];
  let next = 1;
  return {
    add(call) {
      entries.push({ number: next++, ...call });
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
