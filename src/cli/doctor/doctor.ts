import { setTimeout } from 'node:timers/promises';
import type { ReplicaSettings } from '../../config/config.ts';
import { connectRedis, type Redis } from '../../replicas/redis.ts';
import type { Finding } from './network.ts';
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

const CONNECT_TIMEOUT_MS = 3000;

/** Whether replicas can agree on their calls there. Shows nothing of the URL, which may contain a password. */
export async function checkRedis({ redisUrl }: ReplicaSettings): Promise<Finding> {
  let reason = 'no answer came';
  const warn = ({ err }: { readonly err?: unknown }) => {
    reason = reasonOf(err);
  };
  const redis = await connectRedis(redisUrl.reveal(), { info() {}, warn }, () => 0);
  try {
    for (let waitedMs = 0; !redis.isReady(); waitedMs += 50) {
      if (waitedMs >= CONNECT_TIMEOUT_MS) {
        return fault(`it cannot be used (${reason}), so every replica keeps to its share; check REDIS_URL`);
      }
      await setTimeout(50);
    }
    return await checkServer(redis);
  } finally {
    redis.close();
  }
}

async function checkServer(redis: Redis): Promise<Finding> {
  try {
    await redis.send(['EVAL', 'return redis.call("TIME")', '0']);
  } catch (error) {
    return fault(
      `it refuses scripts (${reasonOf(error)}), which replicas need; check the permissions of its user`,
    );
  }
  const policy = await evictionPolicy(redis);
  return policy === undefined || policy === 'noeviction'
    ? { state: 'ok', subject: 'Redis', message: 'it answers and runs scripts' }
    : {
        state: 'note',
        subject: 'Redis',
        message: `it evicts keys when it is full (${policy}), which would lose calls; set its maxmemory-policy to noeviction`,
      };
}

/** Undefined if nothing is evicted, or if the server does not say. */
async function evictionPolicy(redis: Redis): Promise<string | undefined> {
  const info = await redis.send(['INFO', 'memory']).catch(() => '');
  const isUnlimited = /^maxmemory:0\r?$/m.test(String(info));
  return isUnlimited ? undefined : /^maxmemory_policy:(\S+)/m.exec(String(info))?.[1];
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer';
  if ('code' in error && typeof error.code === 'string') return error.code;
  // A server's refusal begins with a code in capitals, such as WRONGPASS.
  return /^[A-Z]{3,}/.exec(error.message)?.[0] ?? 'no answer';
}

function fault(message: string): Finding {
  return { state: 'fault', subject: 'Redis', message };
}

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
