import { checkConfig } from './check-config.ts';
import { type Command } from './command.ts';
import { doctor } from './doctor/doctor.ts';
import { health } from './health.ts';
import { createKey } from './keys/create.ts';
import { listKeys } from './keys/list.ts';
import { revokeKey } from './keys/revoke.ts';
import { openapi } from './openapi.ts';
import { sandbox } from './sandbox.ts';
import { serve } from './serve.ts';

/** All commands, in the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  serve,
  sandbox,
  checkConfig,
  doctor,
  health,
  openapi,
  createKey,
  listKeys,
  revokeKey,
];
