import { readFileSync } from 'node:fs';
import { isLoopback } from '../config/kinds.ts';
import { describeFileError } from '../text/text-file.ts';
import { CommandFailure, EXIT_CONFIG, misused, type Options, type Process } from './command.ts';

/** Has the key of commands that ask a gateway, unless `--key-file` is given. */
export const KEY_VARIABLE = 'LEAD_GATEWAY_KEY';

/** For commands that send a key to a gateway, perhaps on another machine. */
export const ALLOW_INSECURE = {
  'allow-insecure': { type: 'boolean', help: 'send leads and key by http: to another machine' },
} as const satisfies Options;

/**
 * The value of a command's `--url`. By http: only to this machine, unless the operator insists: the key goes with every
 * request.
 *
 * @param command the name, for the usage line
 * @throws {CommandFailure} 64 if it is not the address of a gateway, or leads and key could be read on the way
 */
export function gatewayUrl(command: string, text: string, mayBeInsecure: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '')
    throw misused(command, '--url must be an address such as https://leads.example.com');
  if (url.username !== '' || url.password !== '')
    throw misused(command, '--url must not have a password; the key is in --key-file');
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && !mayBeInsecure)
    throw misused(
      command,
      'By http: anyone on the way can read leads and key: use https: or --allow-insecure',
    );
  return url;
}

/**
 * The key for a gateway: from the file, or else from the environment; undefined without either.
 *
 * @throws {CommandFailure} 78 if there is a key that cannot be used
 */
export function gatewayKey({ env }: Pick<Process, 'env'>, file: string | undefined): string | undefined {
  let text = env[KEY_VARIABLE];
  if (file !== undefined) {
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      throw new CommandFailure(EXIT_CONFIG, [`${file} ${describeFileError(error)}.`]);
    }
  }
  const key = text?.trim();
  if (key === '' || (key !== undefined && !/^[\x21-\x7E]+$/.test(key)))
    throw new CommandFailure(EXIT_CONFIG, [`${file ?? KEY_VARIABLE} does not have a key on one line.`]);
  return key;
}
