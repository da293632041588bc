import type { GatewayError } from '../../../leads/errors.ts';
import type { UpsertResult } from '../../../leads/lead.ts';
import type { Logger } from '../../../observability/logger.ts';
import { logFailure, toGatewayError } from '../../error-handler.ts';
import { toProblem } from '../../problems/problem.ts';
import { toResponse } from '../mapping.ts';

/** Writes the results of one batch, each as JSON. */
export type ResultWriter = {
  stored(index: number, result: UpsertResult): string;
  /** Kept to be delivered later. @param receipt where to look it up */
  accepted(index: number, receipt: string): string;
  problem(index: number, error: unknown): string;
  /** Results so far, and those of them that are problems. */
  counts(): { readonly leads: number; readonly failed: number };
};

export type ResultWriterOptions = {
  readonly logger: Logger;
  readonly requestId: string;
  readonly baseUrl: string;
  /** Whether a lead that is returned has its attributes as a list, too. */
  readonly asList: boolean;
};

export function createResultWriter(options: ResultWriterOptions): ResultWriter {
  const { logger, requestId, baseUrl, asList } = options;
  /** Problems that have an entry in the log: an outage would give one for each lead. */
  const logged = new Set<string>();
  let leads = 0;
  let failed = 0;

  const log = (failure: GatewayError) => {
    if (logged.has(failure.code)) return;
    logged.add(failure.code);
    logFailure(logger, failure, requestId);
  };

  return {
    stored(index, result) {
      leads += 1;
      const { leadId, status, lead } = result;
      const code = status === 'CREATED' ? 201 : 200;
      const start = `{"index":${index},"status":${code},"leadId":${leadId},"result":"${status}"`;
      if (lead === undefined) return `${start}}`;
      return `${start},"lead":${JSON.stringify(toResponse(result, asList).lead)}}`;
    },
    accepted(index, receipt) {
      leads += 1;
      return JSON.stringify({ index, status: 202, receipt });
    },
    problem(index, error) {
      leads += 1;
      failed += 1;
      const failure = toGatewayError(error);
      log(failure);
      const problem = toProblem(failure, requestId, baseUrl);
      const { retryAfterSeconds: seconds } = failure;
      const retryAfter = seconds === undefined ? undefined : Math.max(1, Math.ceil(seconds));
      return JSON.stringify({ index, status: problem.status, problem, retryAfter });
    },
    counts: () => ({ leads, failed }),
  };
}
