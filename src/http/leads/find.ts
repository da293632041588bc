import type { RequestHandler } from 'express';
import { ANONYMOUS, authorizeLookup } from '../../access/principal.ts';
import type { LeadFinder } from '../../leads/lookup.ts';
import { searchOf } from '../query.ts';
import { contextOf } from '../request-context.ts';
import { respondJson, setHeader } from '../respond.ts';
import { commandContext } from './command-context.ts';
import { toFindLeads } from './find-query.ts';
import { toLead } from './mapping.ts';
import { ATTRIBUTES_AS_LIST, prefersList } from './preferences.ts';

/** `GET /leads` (docs/rest-api.md#get-leads). */
export function findLeads(finder: LeadFinder): RequestHandler {
  return async (req, res) => {
    const { caller = ANONYMOUS } = contextOf(res);
    authorizeLookup(undefined, caller);
    const query = toFindLeads(searchOf(req));
    authorizeLookup(query.find, caller);
    const leads = await finder.find(query, commandContext(req, res));
    const asList = prefersList(req.headers);
    if (asList) setHeader(res, 'Preference-Applied', ATTRIBUTES_AS_LIST);
    // People's data, and an address that a cache might keep.
    setHeader(res, 'Cache-Control', 'no-store');
    respondJson(res, 200, { leads: leads.map((lead) => toLead(lead, asList)) });
  };
}
