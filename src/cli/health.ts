import { readListenAddress } from '../config/config.ts';
import { askHealth } from './ask-health.ts';
import { mistaken, readText } from './configuration.ts';
import { CommandFailure, print, type Process } from './process.ts';

/** Below the 5 s after which the image's HEALTHCHECK counts as failed without a word. */
const TIMEOUT_MS = 4000;

/** `lead-gateway health`: for supervisors without an HTTP client of their own, such as a container's HEALTHCHECK. */
export async function health({ env }: Process): Promise<void> {
  const address = readListenAddress(env, readText);
  if (!address.ok) throw mistaken(address.mistakes);
  const { isUp, words } = await askHealth(address, TIMEOUT_MS);
  if (!isUp) throw new CommandFailure(1, [words]);
  print(`${words}\n`);
}
