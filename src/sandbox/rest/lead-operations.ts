import { REST_CODES } from '../../text/rest-protocol.ts';
import type { Lead, LeadPatch } from '../leads/lead.ts';
import type { LeadStore } from '../leads/store.ts';
import type { Settings } from '../settings.ts';
import { RestError } from './answer.ts';
import type { Operation } from './call.ts';
import { partitionIds, restFieldsOf } from './fields.ts';
import { listIn, readFieldNames, visibilityOf } from './find.ts';
import type { RestOperationsDeps } from './operations.ts';
import { membersOf } from './request.ts';
import { isCookie, leadText } from './values.ts';

/** One lead by its id. */
export function leadOperation({ store, settings, process }: RestOperationsDeps): Operation {
  return async ({ request, id, injected, note }) => {
    const now = settings.current();
    const fields = readFieldNames(request.parameters, restFieldsOf(now));
    note({ lookupField: 'id', records: 1 });
    await process(injected?.processingMs);
    const lead = leadWithId(store, id, now);
    return { result: [leadText(lead, fields, { partitionIds: partitionIds(now) })], outcome: 'FOUND' };
  };
}

/** Links a cookie to a lead; another lead that had it loses it. */
export function associateOperation({ store, settings, process, now }: RestOperationsDeps): Operation {
  return async ({ request, id, injected, note }) => {
    note({ records: 1 });
    const cookie = request.parameters.get('cookie')?.trim() ?? '';
    if (!isCookie(cookie)) {
      throw new RestError(REST_CODES.invalidCookie, `Invalid cookie value '${cookie}'`);
    }
    leadWithId(store, id, settings.current());
    await process(injected?.processingMs);
    const lead = leadWithId(store, id, settings.current());
    store.update(lead.id, { cookie }, { nowMs: now(), operation: 'REST associate', matchedBy: 'Id' });
    return { outcome: 'DONE' };
  };
}

/** Merges leads into one, which keeps its values and takes the others' where it has none. */
export function mergeOperation({ store, settings, process, now }: RestOperationsDeps): Operation {
  return async ({ request, id, injected, note }) => {
    const ids = [...listIn(request.parameters, 'leadId'), ...listIn(request.parameters, 'leadIds')];
    note({ records: ids.length });
    await process(injected?.processingMs);
    const winner = leadWithId(store, id, settings.current());
    if (ids.length === 0) throw new RestError(REST_CODES.invalidRequest, 'leadId not specified');
    const losers = ids.map((loser) => leadWithId(store, loser, settings.current()));
    if (losers.some((loser) => loser.id === winner.id)) {
      throw new RestError(REST_CODES.invalidRequest, `Lead '${winner.id}' cannot be merged with itself`);
    }
    for (const loser of losers) {
      const target = store.get(winner.id) ?? winner;
      const written = { nowMs: now(), operation: 'REST merge', matchedBy: 'Id' } as const;
      const patch = patchForWinner(target, loser);
      store.remove(loser.id);
      store.update(winner.id, patch, written);
      for (const cookie of loser.cookies) store.update(winner.id, { cookie }, written);
    }
    return { outcome: 'DONE' };
  };
}

function patchForWinner(winner: Lead, loser: Lead): LeadPatch {
  return {
    ...(winner.email === null && loser.email !== null && { email: loser.email }),
    ...(!winner.foreign && loser.foreign && { foreign: loser.foreign }),
    attributes: new Map([...loser.attributes].filter(([name]) => !winner.attributes.has(name))),
  };
}

/** Deletes leads by the ids in `id` of the parameters or in `input` of the body. */
export function deleteOperation({ store, settings, process }: RestOperationsDeps): Operation {
  return async ({ request, json, injected, note }) => {
    const ids = [...listIn(request.parameters, 'id'), ...idsInBody(json)];
    note({ records: ids.length });
    if (ids.length === 0) throw new RestError(REST_CODES.invalidRequest, 'Leads not specified');
    await process(injected?.processingMs);
    const results = ids.map((id) => {
      const lead = findLead(store, id, settings.current());
      if (lead) store.remove(lead.id);
      return lead
        ? { id: lead.id, status: 'deleted' }
        : { status: 'skipped', reasons: [{ code: REST_CODES.leadNotFound, message: 'Lead not found' }] };
    });
    const deleted = results.filter(({ status }) => status === 'deleted').length;
    const skipped = results.length - deleted;
    note({
      statuses: { ...(deleted > 0 && { DELETED: deleted }), ...(skipped > 0 && { SKIPPED: skipped }) },
    });
    const outcome = skipped === 0 ? 'DELETED' : deleted === 0 ? 'SKIPPED' : 'MIXED';
    return { result: results.map((result) => JSON.stringify(result)), outcome };
  };
}

function idsInBody(json: unknown): readonly string[] {
  const { input } = membersOf(json);
  return Array.isArray(input) ? input.map((record: unknown) => String(membersOf(record)['id'])) : [];
}

function findLead(store: LeadStore, id: string, settings: Settings): Lead | undefined {
  const lead = /^\d{1,10}$/.test(id) ? store.get(Number(id)) : undefined;
  return lead && visibilityOf(settings)(lead) ? lead : undefined;
}

/** @throws {RestError} 1004 */
function leadWithId(store: LeadStore, id: string, settings: Settings): Lead {
  const lead = findLead(store, id, settings);
  if (!lead) throw new RestError(REST_CODES.leadNotFound, `Lead '${id}' not found`);
  return lead;
}
