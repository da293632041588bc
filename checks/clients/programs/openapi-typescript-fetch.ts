import { Fetcher } from 'openapi-typescript-fetch';
import { done, email, equal, gateway } from './check';
import type { paths } from './schema';

const fetcher = Fetcher.for<paths>();
fetcher.configure({ baseUrl: gateway });
const upsertLead = fetcher.path('/leads').method('put').create();

const created = await upsertLead({ email, attributes: { FirstName: 'Jane', LeadScore: 62 } });
equal(created.status, 201, 'status');
if (!('leadId' in created.data)) throw new Error('not created');
equal(created.data.status, 'CREATED', 'status of the lead');
const { leadId } = created.data;

const updated = await upsertLead(
  { id: leadId, attributeList: [{ name: 'LastName', value: 'Doe' }], returnLead: true },
  { headers: { Prefer: 'attributes=list' } },
);
if (!('leadId' in updated.data)) throw new Error('not updated');
equal(updated.data.status, 'UPDATED', 'status of the lead');
equal(updated.data.lead?.attributes['LastName'], 'Doe', 'the map');

// It asks for plain JSON, and what it throws has the type of that.
const refused: unknown = await upsertLead({ attributes: { FirstName: 'Jane' } }).then(
  () => undefined,
  (error: unknown) => error,
);
if (!(refused instanceof upsertLead.Error)) throw new Error('not a typed refusal');
const { status, data: problem } = refused.getActualType();
if (status !== 422) throw new Error('not refused');
equal(problem.type, `${gateway}/problems/validation-failed`, 'type');
equal(problem.errors?.[0]?.pointer, '#', 'pointer');
equal(problem.retryable, false, 'retryable');
done();
