import { GatewayError } from '../../leads/errors.ts';

/** To go through the members of an error takes up to 10 ms for a thousand of them with long names. */
const MANY = 100;

/** Does what goes through the members of an error: at once, or if they are many, in a turn of the event loop of its own. */
export function whenItMay(error: unknown, work: () => void): void {
  const isLong = error instanceof GatewayError && (error.errors?.length ?? 0) > MANY;
  if (isLong) setImmediate(work);
  else work();
}
