import { done, email, equal, gateway } from './check';
import { upsertLead } from './client';
import type { Problem } from './client';

// What orval writes calls the path alone, as a page of the gateway's own origin would.
const send = globalThis.fetch;
globalThis.fetch = (input, init) => send(new URL(String(input), gateway), init);

const created = await upsertLead({ email, attributes: { FirstName: 'Jane', LeadScore: 62 } });
if (created.status !== 201) throw new Error('not created');
equal(created.data.status, 'CREATED', 'status of the lead');
const { leadId } = created.data;

const updated = await upsertLead(
  { id: leadId, attributeList: [{ name: 'LastName', value: 'Doe' }], returnLead: true },
  { headers: { Prefer: 'attributes=list' } },
);
if (updated.status !== 200) throw new Error('not updated');
equal(updated.data.status, 'UPDATED', 'status of the lead');
equal(updated.data.lead?.attributes['LastName'], 'Doe', 'the map');
equal(
  updated.data.lead?.attributeList?.some(({ name }) => name === 'LastName'),
  true,
  'the list',
);

const refused = await upsertLead({ attributes: { FirstName: 'Jane' } });
if (refused.status !== 422) throw new Error('not refused');
const problem: Problem = refused.data;
equal(problem.type.split('/').at(-1), 'validation-failed', 'type');
equal(problem.errors?.[0]?.pointer, '#', 'pointer');
equal(problem.retryable, false, 'retryable');
done();
