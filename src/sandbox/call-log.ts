import type { CallReport, SentCall } from '../soap-server/endpoint.ts';
import { type Transcript, transcribe } from './transcript.ts';
import type { RestCallReport } from './rest/call.ts';

/** A call of either face. */
type FaceReport = CallReport | RestCallReport;

type CallEntry = FaceReport & {
  /** Counts up from 1, and goes on when the log is cleared. */
  readonly number: number;
};

/** A call with its request and answer, where they are kept. */
type WholeCall = { readonly call: CallEntry; readonly transcript: Transcript | undefined };

export type CallLog = {
  add(call: FaceReport, sent: SentCall): void;
  /** Oldest first. */
  all(): readonly CallEntry[];
  /** Undefined for one that is not kept. */
  find(number: number): WholeCall | undefined;
  /** The X-Request-Id that the caller named in a call; undefined without. */
  requestIdOf(number: number): string | undefined;
  clear(): void;
};

/** Of these the request and the answer are kept. */
const WHOLE = 100;

/** Keeps the last calls. The oldest are removed when there are twice as many, so that adding stays cheap. */
export function createCallLog(onChange: () => void, keep = 1000): CallLog {
  let entries: CallEntry[] = [];
  let next = 1;
  const transcripts = new Map<number, Transcript>();
  return {
    add(call, sent) {
      transcripts.set(next, transcribe(sent));
      transcripts.delete(next - WHOLE);
      entries.push({ number: next++, ...call });
      if (entries.length >= keep * 2) entries = entries.slice(-keep);
      onChange();
    },
    all: () => entries.slice(-keep),
    find(number) {
      const call = entries.find((entry) => entry.number === number);
      return call && { call, transcript: transcripts.get(number) };
    },
    requestIdOf(number) {
      const id = transcripts.get(number)?.headers['x-request-id'];
      return typeof id === 'string' ? id : undefined;
    },
    clear() {
      transcripts.clear();
      entries = [];
      onChange();
    },
  };
}
