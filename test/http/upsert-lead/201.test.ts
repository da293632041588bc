import { describe, expect, test } from 'vitest';
import { putLead } from '../../support/client.ts';
import { startTestGateway } from '../../support/gateway.ts';

describe('PUT /leads answers 201', () => {
  test.each([
    ['an email address', { email: 'jane@example.com' }],
    ['a foreign id', { foreignSysPersonId: '0035x00001AbCdE', foreignSysType: 'SFDC' }],
    ['a cookie', { marketoCookie: 'id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169' }],
  ])('when %s was new', async (_key, lead) => {
    const { url } = await startTestGateway();
    const answer = await putLead(url, lead);
    expect(answer.status).toBe(201);
    expect(answer.json).toEqual({ leadId: expect.any(Number) as number, status: 'CREATED' });
  });

  test('with the complete lead when returnLead was true', async () => {
    const { url } = await startTestGateway();
    const answer = await putLead(url, { email: 'jane@example.com', returnLead: true });
    expect(answer.status).toBe(201);
    expect(answer.json['lead']).toMatchObject({ id: answer.json['leadId'], email: 'jane@example.com' });
  });
});
