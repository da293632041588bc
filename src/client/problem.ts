import type { LeadProblem as PublicProblem, ProblemFields } from './public.d.ts';

/** Why a lead was refused, or could not be delivered yet. */
export class LeadProblem extends Error implements PublicProblem {
  declare slug: string;
  declare status: number;
  declare detail: string;
  declare title?: string;
  declare retryable?: boolean;
  declare requestId?: string;
  declare errors: ProblemFields['errors'];

  constructor(fields: ProblemFields) {
    super(fields.detail);
    this.name = 'LeadProblem';
    Object.assign(this, fields);
  }
}

/** A problem that no gateway has stated. */
export function localProblem(slug: string, detail: string, status = 0): LeadProblem {
  return new LeadProblem({ slug, status, detail, errors: [] });
}

/**
 * Whether the lead must not be sent again: the gateway refuses the request itself. A 5xx is the operator's to mend, and a
 * 4xx without `retryable` comes from something else on the way, such as a balancer during a rollout.
 */
export function isLasting({ status, retryable }: LeadProblem): boolean {
  return status === 413 || (status >= 400 && status < 500 && retryable === false);
}
