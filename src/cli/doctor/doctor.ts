import {
  CommandFailure,
  defineCommand,
  ENV_FILE,
  EXIT_CONFIG,
  JSON_OUTPUT,
  print,
  printJson,
} from '../command.ts';
import { findConfig, mistaken } from '../configuration.ts';
import { checkUpstream } from './upstream.ts';
import { checkRedis } from './redis.ts';
import type { Finding } from './network.ts';

/** `lead-gateway doctor`: exits with 1 if anything is wrong. Stores nothing upstream. */
export const doctor = defineCommand({
  name: 'doctor',
  summary: 'find out what keeps the gateway from its upstream; exits with 1 if anything does',
  options: { ...ENV_FILE, ...JSON_OUTPUT },
  run: async (own, { 'env-file': envFiles, json }) => {
    const read = findConfig(own, envFiles);
    if (!read.ok) {
      if (!json) throw mistaken(read.mistakes);
      printJson({ isOk: false, mistakes: read.mistakes, findings: [] });
      return EXIT_CONFIG;
    }
    const { config, warnings } = read;
    const { upstream, replicas } = config;
    const findings: Finding[] = [];
    const report = (finding: Finding) => {
      findings.push(finding);
      const { state, subject, message } = finding;
      if (!json) print(`${state.padEnd(6)} ${subject}: ${message}\n`);
    };
    report({ state: 'ok', subject: 'configuration', message: 'it has no mistakes' });
    for (const warning of warnings) report({ state: 'note', subject: 'configuration', message: warning });
    if (upstream === null) {
      report({
        state: 'note',
        subject: 'upstream',
        message: 'none is configured, so the gateway would use its sandbox; nothing else to check',
      });
    } else {
      const world = { version: own.version, now: Date.now };
      for (const finding of await checkUpstream({ ...config, upstream }, world)) report(finding);
      if (replicas !== null) report(await checkRedis(replicas));
    }
    const isOk = findings.every(({ state }) => state !== 'fault');
    if (json) {
      printJson({ isOk, mistakes: [], findings });
    }
    if (!isOk) throw new CommandFailure(1, []);
    return 0;
  },
});
