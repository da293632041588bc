import type { Response } from 'express';
import { GatewayError } from '../leads/errors.ts';
import { whenOver } from './exchange.ts';

/** The part of the memory that the bodies of requests may take, from their coming until the answer is out. */
export type HeldBodies = {
  /**
   * Takes so many bytes until `res` is over; undefined when there are not as many left: ten thousand leads of usual size
   * fit, as many of a mebibyte each would end the process.
   */
  hold(res: Response, bytes: number): Held | undefined;
};

export type Held = {
  /** What it was in the end, where that was not known before. */
  shrinkTo(bytes: number): void;
};

const RETRY_AFTER_SECONDS = 1;

export function createHeldBodies(maxBytes: number): HeldBodies {
  let heldBytes = 0;
  return {
    hold(res, bytes) {
      if (heldBytes + bytes > maxBytes) return undefined;
      let own = bytes;
      heldBytes += own;
      whenOver(res, () => {
        heldBytes -= own;
        own = 0;
      });
      return {
        shrinkTo(actual) {
          const freed = Math.max(0, own - actual);
          own -= freed;
          heldBytes -= freed;
        },
      };
    },
  };
}

/** What to tell whose body there is no memory for. */
export function noMemoryLeft(): GatewayError {
  return new GatewayError('unavailable', {
    detail:
      'The gateway holds as many large requests as it has memory for, so the lead was not sent. Send it again after the time in Retry-After.',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}
