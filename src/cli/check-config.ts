import { loadConfig } from './configuration.ts';
import { print, type Process } from './process.ts';

/** `lead-gateway check-config`: reports every mistake of the configuration. */
export function checkConfig({ env }: Process): void {
  const config = loadConfig(env);
  const upstream = config.upstream === null ? 'the embedded sandbox' : config.upstream.endpoint.href;
  print(`The configuration is valid. The upstream is ${upstream}.\n`);
}
