import type { Config } from '../config/config.ts';
import type { SoapUpstream } from '../config/upstream.ts';
import type { FieldList } from '../leads/fields.ts';
import { createSoapClient, createSoapUpstream } from '../marketo-soap/client.ts';
import { createUpstreamClock } from '../marketo-soap/signing.ts';
import { systemClock } from '../runtime/clock.ts';
import type { UpstreamFields } from '../upstream/fields.ts';
import { CommandFailure } from './command.ts';
import { connectTo, readOrFail } from './rest-connection.ts';

/**
 * Reads the fields of leads by the SOAP API: one call, two if the clocks differ.
 *
 * @throws {CommandFailure} 1 with what to do
 */
export async function readSoapFields(
  config: Config,
  upstream: SoapUpstream,
  userAgent: string,
): Promise<UpstreamFields & { readonly list: FieldList['fields'] }> {
  const http = connectTo(config, upstream.endpoint);
  const credentials = { userId: upstream.userId, encryptionKey: upstream.encryptionKey.reveal() };
  const clock = createUpstreamClock(systemClock.now, () => {});
  const client = createSoapClient({
    post: http.post,
    credentials,
    clock,
    timeoutMs: config.upstreamTimeoutMs,
    userAgent,
  });
  try {
    const { fields } = createSoapUpstream(client, systemClock);
    if (fields === undefined) throw new CommandFailure(1, ['The SOAP API does not tell its fields.']);
    let { failure } = await fields.read('fields', { origins: [] });
    if (failure?.advice === 'reauthenticate') ({ failure } = await fields.read('fields', { origins: [] }));
    readOrFail(failure);
    return { ...fields, list: fields.known()?.fields ?? [] };
  } finally {
    await http.close();
  }
}
