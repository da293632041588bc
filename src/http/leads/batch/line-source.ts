import type { Request, Response } from 'express';
import { ANONYMOUS } from '../../../access/principal.ts';
import { GatewayError } from '../../../leads/errors.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { Access } from '../../authenticate.ts';
import type { BodyAccount, BodyMemory } from '../../body-memory.ts';
import { outOfMemory } from '../../request-body.ts';
import { contextOf, onFinished } from '../../request-context.ts';
import type { LineSource } from './accept.ts';
import { createBegunLine } from './begun-line.ts';
import { checkLines } from './checked-lines.ts';
import { createLineReader } from './lines.ts';
import { type LeadStreams, markStreamed } from './streams.ts';
import { readUnpacked } from './unpacked.ts';

type LineDeps = {
  readonly access: Pick<Access, 'presentCaller'>;
  readonly bodyMemory: BodyMemory;
  readonly clock: Pick<Clock, 'setTimer'>;
  readonly streams: LeadStreams;
};

/**
 * Opens the lines of a request that is answered at their end. `more` rejects with a GatewayError if the rest is not to be
 * read.
 */
export function openLines(
  { access, bodyMemory, clock, streams }: LineDeps,
  req: Request,
  res: Response,
): { readonly source: LineSource; readonly account: BodyAccount } {
  const { caller = ANONYMOUS } = contextOf(res);
  const lines = createLineReader();
  const account = bodyMemory.open({ caller, address: undefined }, () => {});
  account.complete();
  markStreamed(req);
  let failure: GatewayError | undefined;
  let changed: (() => void) | undefined;
  const wake = () => changed?.();
  const fail = (error: GatewayError) => {
    failure ??= error;
    wake();
  };
  const begun = createBegunLine(bodyMemory, caller, () => fail(outOfMemory()));
  const checked = checkLines(lines, begun, access.presentCaller(res), wake);
  const { body, close } = readUnpacked(
    req,
    (chunk) => {
      lines.push(chunk);
      wake();
    },
    () => {
      lines.end();
      wake();
    },
    fail,
  );
  body.pause();
  const forget = streams.add(() => fail(stopping()));
  res.once('finish', () => closeUnread(clock, req));
  onFinished(res, () => {
    forget();
    begun.close();
    account.close();
    close();
    wake();
  });
  const source: LineSource = {
    next: checked.next,
    async more() {
      if (failure === undefined && (checked.isDone() || res.destroyed)) return false;
      if (failure === undefined && checked.state() !== 'ready') {
        await new Promise<void>((resolve) => {
          changed = resolve;
          if (checked.state() === 'idle') body.resume();
        });
      }
      if (failure !== undefined) throw failure;
      return !res.destroyed;
    },
  };
  return { source, account };
}

/** Why a gateway that ends reads no further. */
export function stopping(): GatewayError {
  return new GatewayError('unavailable', {
    detail:
      'The gateway is shutting down and takes no more leads in; send this one and those behind it again in a moment.',
    retryAfterSeconds: 5,
  });
}

/** A connection with unread lines cannot be used again; what still comes is discarded, so that the answer arrives. */
export function closeUnread({ setTimer }: Pick<Clock, 'setTimer'>, req: Request): void {
  if (req.complete) return;
  req.resume();
  setTimer(() => req.destroy(), UNREAD_MS);
}

const UNREAD_MS = 500;
