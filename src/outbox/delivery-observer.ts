import type { ReceiptProblem } from '../leads/outbox.ts';

/** Sees how the delivery of kept leads goes; must not throw. */
export type DeliveryObserver = {
  /** An attempt has failed for a reason that concerns all leads, after others went well: none goes until it is gone. */
  paused(met: ReceiptProblem): void;
  /** It is gone. */
  resumed(): void;
  /** A lead is not tried any more. */
  failed(met: ReceiptProblem): void;
};

export const NO_OBSERVER: DeliveryObserver = { paused() {}, resumed() {}, failed() {} };
