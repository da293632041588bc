import { loadConfig } from '../configuration.ts';
import { CommandFailure, print, type Process } from '../process.ts';
import { examine } from './examine.ts';
import { examineRedis } from './examine-redis.ts';

/** `lead-gateway doctor`: ends with 1 when anything is wrong. Nothing is stored upstream. */
export async function doctor({ env, version }: Process): Promise<void> {
  const config = loadConfig(env);
  const { upstream, replicas } = config;
  print('ok     configuration: it has no mistakes\n');
  if (upstream === null) {
    print(
      'note   upstream: none is configured, so the embedded sandbox would be it; nothing else to check\n',
    );
    return;
  }
  const findings = [
    ...(await examine({ ...config, upstream }, { version, now: Date.now })),
    ...(replicas === null ? [] : [await examineRedis(replicas)]),
  ];
  for (const { state, subject, words } of findings) print(`${state.padEnd(6)} ${subject}: ${words}\n`);
  if (findings.some(({ state }) => state === 'fault')) throw new CommandFailure(1, []);
}
