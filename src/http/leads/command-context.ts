import type { Request, Response } from 'express';
import { ANONYMOUS, type Principal } from '../../access/principal.ts';
import type { CallerId, UpsertContext } from '../../leads/lead.ts';
import { type CancelSignal, createCancellation } from '../../runtime/cancellation.ts';
import { addressGroup } from '../authenticate.ts';
import { contextOf, onFinished } from '../request-context.ts';

/** What goes with the command of a request; its timing is kept for the response. */
export function commandContext(req: Request, res: Response): UpsertContext {
  const request = contextOf(res);
  const { requestId, trace, caller = ANONYMOUS } = request;
  return {
    caller: callerIdOf(caller, req),
    requestId,
    trace,
    signal: disconnectSignal(res),
    report: (timing) => {
      request.timing = timing;
    },
  };
}

/** Who takes turns in the queue: a key or an application; with a publishable key, each client address. */
export function callerIdOf({ kind, name }: Principal, req: Request): CallerId {
  return { key: `${kind} ${name}`, address: kind === 'publishable' ? addressGroup(req.ip) : undefined };
}

/** Cancels when the client disconnects before the response has finished. */
function disconnectSignal(res: Response): CancelSignal {
  const signal = createCancellation();
  onFinished(res, () => {
    if (!res.writableFinished) signal.cancel();
  });
  return signal;
}
