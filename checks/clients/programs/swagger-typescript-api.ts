import { done, email, equal, gateway } from './check';
import { Api, type HttpResponse, type Problem } from './client';

const api = new Api({ baseUrl: gateway });

const created = await api.leads.upsertLead({ email, attributes: { FirstName: 'Jane', LeadScore: 62 } });
equal(created.status, 201, 'status');
if (!('leadId' in created.data)) throw new Error('not created');
equal(created.data.status, 'CREATED', 'status of the lead');
const { leadId } = created.data;

const updated = await api.leads.upsertLead(
  { id: leadId, attributeList: [{ name: 'LastName', value: 'Doe' }], returnLead: true },
  { headers: { Prefer: 'attributes=list' } },
);
if (!('leadId' in updated.data)) throw new Error('not updated');
equal(updated.data.status, 'UPDATED', 'status of the lead');
equal(updated.data.lead?.attributes['LastName'], 'Doe', 'the map');
equal(
  updated.data.lead?.attributeList?.some(({ name }) => name === 'LastName'),
  true,
  'the list',
);

// What it writes throws the response, whose type is the second of the call's.
const refused = await api.leads.upsertLead({ attributes: { FirstName: 'Jane' } }).then(
  () => undefined,
  (response: HttpResponse<unknown, Problem>) => response,
);
const problem: Problem | undefined = refused?.error;
equal(refused?.status, 422, 'status');
equal(problem?.type.split('/').at(-1), 'validation-failed', 'type');
equal(problem?.errors?.[0]?.pointer, '#', 'pointer');
equal(problem?.retryable, false, 'retryable');
done();
