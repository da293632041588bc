import { done, email, equal, gateway } from './check';
import { setConfig } from './client/.kubb/fetch';
import { upsertLead } from './client/clients/upsertLead';
import type { Problem } from './client/types/Problem';

// What it writes sends JSON without saying so.
setConfig({ baseURL: gateway, headers: { 'Content-Type': 'application/json' } });

const created = await upsertLead({
  email,
  attributes: { FirstName: 'Jane', LeadScore: 62, MiddleName: null },
});
equal(created.status, 201, 'status');
if (!('leadId' in created.data)) throw new Error('not created');
equal(created.data.status, 'CREATED', 'status of the lead');
const { leadId } = created.data;

const updated = await upsertLead(
  { id: leadId, attributeList: [{ name: 'LastName', value: 'Doe' }], returnLead: true, workspace: null },
  { Prefer: 'attributes=list' },
);
if (!('leadId' in updated.data)) throw new Error('not updated');
equal(updated.data.status, 'UPDATED', 'status of the lead');
equal(updated.data.lead?.attributes['LastName'], 'Doe', 'the map');
equal(
  updated.data.lead?.attributeList?.some(({ name }) => name === 'LastName'),
  true,
  'the list',
);

// What it writes answers a refusal as it answers success; the type of errors is a schema of its own.
const refused = await upsertLead({ attributes: { FirstName: null } });
const problem = refused.data as unknown as Problem;
equal(refused.status, 422, 'status');
equal(problem.type, `${gateway}/problems/validation-failed`, 'type');
equal(problem.errors?.[0]?.pointer, '#', 'pointer');
equal(problem.retryable, false, 'retryable');
done();
