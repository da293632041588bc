import type { IncomingMessage } from 'node:http';
import type { Principal } from '../../../access/principal.ts';
import { GatewayError } from '../../../leads/errors.ts';
import type { LeadDirectory, UpsertContext, UpsertLead, UpsertResult } from '../../../leads/lead.ts';
import type { AcceptedLead } from '../../../leads/outbox.ts';
import { type AcceptDeps, checkAcceptable, deliveryModeOf, ownerOf } from '../accept.ts';

/** What becomes of the leads of one batch: they are written, or kept to be delivered later. */
export type Delivery = {
  deliver(command: UpsertLead, context: UpsertContext): Promise<UpsertResult | AcceptedLead>;
};

/**
 * As the caller's key says for each of its leads (docs/outbox.md#batches).
 *
 * @param accepting null: no lead is kept
 * @throws {GatewayError} validation-failed if the request asks for what only a single lead can have
 */
export function deliveryOf(
  directory: LeadDirectory,
  accepting: AcceptDeps | null,
  caller: Principal,
  req: IncomingMessage,
): Delivery {
  const { upsert } = directory;
  const mode = accepting === null ? undefined : deliveryModeOf(caller, req);
  if (accepting === null || mode === undefined || mode.kind === 'now') {
    return { deliver: upsert };
  }
  // Ignored, it would promise that sending the batch again accepts nothing twice.
  if (req.headers['idempotency-key'] !== undefined) throw needsReceipt();
  const owner = ownerOf(caller);
  const asked = ({ requestId, trace }: UpsertContext) => ({ requestId, trace, owner });
  return {
    async deliver(command, context) {
      checkAcceptable(command);
      return mode.kind === 'accept'
        ? accepting.outbox.accept(command, asked(context))
        : accepting.outbox.upsertOrAccept(command, context, asked(context));
    },
  };
}

function needsReceipt(): GatewayError {
  return new GatewayError('validation-failed', {
    detail:
      'A batch can have the header Idempotency-Key only if it gets one receipt; send Prefer: respond-async, too, or leave the key out.',
  });
}
