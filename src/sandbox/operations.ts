import { getLead } from './get-lead.ts';
import type { Operation } from './operation.ts';
import { syncLead } from './sync-lead.ts';
import { syncMultipleLeads } from './sync-multiple-leads.ts';

/** The operations served; any other name is fault 20019 (contract D). */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ['syncLead', syncLead],
  ['syncMultipleLeads', syncMultipleLeads],
  ['getLead', getLead],
]);
