import type { FieldList } from '../leads/fields.ts';
import { NEVER } from '../runtime/cancellation.ts';
import type { Clock } from '../runtime/clock.ts';
import { FIELDS_AGAIN_MS, FIELDS_KEPT_MS, type UpstreamFields } from '../upstream/fields.ts';
import type { Failure } from '../upstream/outcome.ts';
import { type CallContext, originHeaders } from '../upstream/upstream.ts';
import type { SoapClient } from './client.ts';
import { byName, type FieldsByName, findingsIn } from './fields.ts';
import { toCallFailure } from './outcome.ts';

type Kept = { readonly list: FieldList; readonly byName: FieldsByName; readonly readMs: number };

/** What the SOAP API says of the fields of leads, by one call for all who ask. */
export function createSoapFields(
  client: Pick<SoapClient, 'describeLeads'>,
  { now, monotonicMs }: Pick<Clock, 'now' | 'monotonicMs'>,
): UpstreamFields {
  let kept: Kept | undefined;
  let reading: Promise<Failure | undefined> | undefined;

  const current = () =>
    kept !== undefined && monotonicMs() - kept.readMs < FIELDS_KEPT_MS ? kept : undefined;

  const load = async (context: Pick<CallContext, 'origins'>): Promise<Failure | undefined> => {
    const outcome = await client.describeLeads(NEVER, originHeaders({ ...context, signal: NEVER }));
    if (outcome.kind !== 'described') return toCallFailure(outcome);
    const { fields } = outcome;
    kept = { list: { fields, asOf: now() }, byName: byName(fields), readMs: monotonicMs() };
    return undefined;
  };

  return {
    known: () => current()?.list,
    missing(command) {
      const fields = current();
      if (fields === undefined) return command?.attributes.length === 0 ? undefined : 'fields';
      const isUnknown = command?.attributes.some(({ name }) => !fields.byName.has(name)) === true;
      return isUnknown && monotonicMs() - fields.readMs >= FIELDS_AGAIN_MS ? 'fields' : undefined;
    },
    async read(_fact, context) {
      const isSent = reading === undefined;
      reading ??= load(context).finally(() => {
        reading = undefined;
      });
      return { isSent, failure: await reading };
    },
    check(command) {
      const fields = current();
      return fields === undefined ? [] : findingsIn(command, fields.byName);
    },
    operationOf: () => 'describeMObject',
  };
}
