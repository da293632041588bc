import { GatewayError } from '../../leads/errors.ts';

/** Errors of one problem; to explain a thousand with long names takes up to 10 ms. */
const MANY = 100;

/** Explains the errors of a problem: at once, or in a turn of the event loop of its own if they are many. */
export function deferIfMany(problem: unknown, explain: () => void): void {
  const areMany = problem instanceof GatewayError && (problem.errors?.length ?? 0) > MANY;
  if (areMany) setImmediate(explain);
  else explain();
}
