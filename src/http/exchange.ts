import type { Response } from 'express';
import type { ErrorCode } from '../leads/errors.ts';

/** What one middleware learns of a request and a later one needs. */
export type Exchange = {
  requestId: string;
  /** The problem the request was answered with. */
  problem?: ErrorCode;
};

/** The exchange a response belongs to; the request id is there from the first middleware on. */
export function exchangeOf(res: Response): Exchange {
  return res.locals as Exchange;
}
