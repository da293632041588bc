import { isErrorFromAlias } from '@zodios/core';
import { done, email, equal, gateway } from './check';
import { createApiClient } from './client';

const api = createApiClient(gateway);

const created = await api.upsertLead({ email, attributes: { FirstName: 'Jane', LeadScore: 62 } });
if (!('leadId' in created)) throw new Error('not created');
equal(created.status, 'CREATED', 'status of the lead');
const { leadId } = created;

const updated = await api.upsertLead(
  { id: leadId, attributeList: [{ name: 'LastName', value: 'Doe' }], returnLead: true },
  { headers: { Prefer: 'attributes=list' } },
);
if (!('leadId' in updated)) throw new Error('not updated');
equal(updated.status, 'UPDATED', 'status of the lead');
equal(updated.lead?.attributes['LastName'], 'Doe', 'the map');
equal(
  updated.lead?.attributeList?.some(({ name }) => name === 'LastName'),
  true,
  'the list',
);

// What it writes checks problems by their schema as well: one that does not fit is no error from the operation.
const refused: unknown = await api.upsertLead({ attributes: { FirstName: 'Jane' } }).then(
  () => undefined,
  (error: unknown) => error,
);
if (!isErrorFromAlias(api.api, 'upsertLead', refused)) throw new Error('not a typed refusal');
equal(refused.response.status, 422, 'status');
const problem = refused.response.data;
equal(problem.type, `${gateway}/problems/validation-failed`, 'type');
equal(problem.errors?.[0]?.pointer, '#', 'pointer');
equal(problem.retryable, false, 'retryable');
done();
