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
import type { Finding } from './finding.ts';

/** `lead-gateway doctor`: ends with 1 when anything is wrong. Nothing is stored upstream. */
export const doctor = defineCommand({
  name: 'doctor',
  summary: 'say what keeps the gateway from writing to its upstream; ends with 1 when anything does',
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
    const told: Finding[] = [];
    const tell = (finding: Finding) => {
      told.push(finding);
      const { state, subject, message } = finding;
      if (!json) print(`${state.padEnd(6)} ${subject}: ${message}\n`);
    };
    tell({ state: 'ok', subject: 'configuration', message: 'it has no mistakes' });
    for (const warning of warnings) tell({ state: 'note', subject: 'configuration', message: warning });
    if (upstream === null) {
      tell({
        state: 'note',
        subject: 'upstream',
        message: 'none is configured, so the embedded sandbox would be it; nothing else to check',
      });
    } else {
      const world = { version: own.version, now: Date.now };
      for (const finding of await checkUpstream({ ...config, upstream }, world)) tell(finding);
      if (replicas !== null) tell(await checkRedis(replicas));
    }
    const isOk = told.every(({ state }) => state !== 'fault');
    if (json) {
      const findings = told.map(({ state, subject, message }) => ({ state, subject, message: message }));
      printJson({ isOk, mistakes: [], findings });
    }
    if (!isOk) throw new CommandFailure(1, []);
    return 0;
  },
});
