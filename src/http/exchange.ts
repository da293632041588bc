import type { Response } from 'express';
import type { ErrorCode } from '../leads/errors.ts';
import type { CallTiming } from '../leads/lead.ts';

/** What one middleware learns of a request and a later one needs. */
export type Exchange = {
  requestId: string;
  /** The problem the request was answered with. */
  problem?: ErrorCode;
  /** Where the time of a lead went, once it is known. */
  timing?: CallTiming;
};

/** The exchange a response belongs to; the request id is there from the first middleware on. */
export function exchangeOf(res: Response): Exchange {
  return res.locals as Exchange;
}
