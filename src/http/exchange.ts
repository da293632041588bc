import type { Response } from 'express';
import type { ErrorCode } from '../leads/errors.ts';
import type { CallTiming } from '../leads/lead.ts';
import type { Trace } from '../leads/trace.ts';
import type { Caller } from './access/caller.ts';
import type { Refusal } from './access/keyring.ts';
import type { HeadFields } from './head.ts';

/** What one middleware learns of a request and a later one needs. */
export type Exchange = {
  requestId: string;
  /** Header fields of the answer; see head.ts. */
  head: HeadFields;
  trace: Trace;
  /** The problem the request was answered with. */
  problem?: ErrorCode;
  /** Who is calling, where that is asked and known. */
  caller?: Caller;
  /** Why the credentials were refused, and the name of the key where there is one. Never for the caller. */
  refusal?: Refusal;
  keyName?: string;
  /** The problem that a blind caller was not told. */
  hiddenProblem?: ErrorCode;
  /** Where the time of a lead went, once it is known. */
  timing?: CallTiming;
  /** To be done when it is over. */
  onOver?: (() => void)[];
};

/** The exchange a response belongs to; request id, head and trace are there from the first steps on. */
export function exchangeOf(res: Response): Exchange {
  return res.locals as Exchange;
}

/**
 * Has something done when the answer is out or nobody is there any more to read it, in the order it was asked for; at
 * once where that has been already, as when the caller has left while its credentials were looked at. One listener for
 * all: each of Node's costs half a microsecond.
 */
export function whenOver(res: Response, work: () => void): void {
  if (res.closed || res.destroyed) {
    work();
    return;
  }
  const exchange = exchangeOf(res);
  if (exchange.onOver !== undefined) {
    exchange.onOver.push(work);
    return;
  }
  const all = [work];
  exchange.onOver = all;
  res.once('close', () => {
    for (const one of all) one();
  });
}
