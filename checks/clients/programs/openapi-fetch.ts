import createClient from 'openapi-fetch';
import { done, email, equal, gateway } from './check';
import type { components, paths } from './schema';

const client = createClient<paths>({ baseUrl: gateway });

const created = await client.PUT('/leads', {
  body: { email, attributes: { FirstName: 'Jane', LeadScore: 62 } },
});
if (!created.data || !('leadId' in created.data)) throw new Error('not created');
equal(created.response.status, 201, 'status');
equal(created.data.status, 'CREATED', 'status of the lead');
const { leadId } = created.data;

const updated = await client.PUT('/leads', {
  params: { header: { Prefer: 'attributes=list' } },
  body: { id: leadId, attributeList: [{ name: 'LastName', value: 'Doe' }], returnLead: true },
});
if (!updated.data || !('leadId' in updated.data)) throw new Error('not updated');
equal(updated.data.status, 'UPDATED', 'status of the lead');
equal(updated.data.lead?.attributes['LastName'], 'Doe', 'the map');
equal(
  updated.data.lead?.attributeList?.some(({ name }) => name === 'LastName'),
  true,
  'the list',
);

const refused = await client.PUT('/leads', { body: { attributes: { FirstName: null } } });
const problem: components['schemas']['Problem'] | undefined = refused.error;
equal(problem?.type.split('/').at(-1), 'validation-failed', 'type');
equal(problem?.errors?.[0]?.pointer, '#', 'pointer');
equal(problem?.retryable, false, 'retryable');
done();
