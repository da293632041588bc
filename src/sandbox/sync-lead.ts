import { readLeadInput } from './lead-input.ts';
import { commitSync, planSync } from './lead-sync.ts';
import { refuseUnknownFields, requireParams, type Operation } from './operation.ts';
import { syncLeadAnswer } from './soap-answer.ts';
import { SoapFault } from './soap-fault.ts';
import { targetPartition } from './workspaces.ts';
import { childBoolean, childPresent, childText } from './xml-find.ts';

/** Inserts or updates one lead (contract A, "syncLead"). */
export const syncLead: Operation = async ({ operation, params, targetWorkspace }, context) => {
  const { rules } = context;
  requireParams(params);
  const record = childPresent(params, 'leadRecord');
  if (!record) throw new SoapFault(20104, 'leadRecord is required');
  const input = readLeadInput(record, childText(params, 'marketoCookie'));
  const returnLead = childBoolean(params, 'returnLead');
  if (returnLead === null) throw new SoapFault(20109, 'returnLead is required');
  refuseUnknownFields(operation, [input], rules);
  const plan = planSync(input, rules, {
    targetPartition: targetPartition(rules.workspaces, targetWorkspace),
    findByEmail: true,
    writeEmailBesideKey: true,
  });
  await context.process();
  const outcome = commitSync(plan, rules.store, { nowMs: context.now(), operation });
  return {
    answer: syncLeadAnswer(outcome, returnLead, rules.fields),
    outcome: outcome.status,
    statuses: { [outcome.status]: 1 },
  };
};
