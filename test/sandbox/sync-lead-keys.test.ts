import { describe, expect, test } from 'vitest';
import { attributes, email, foreign, id, startStillSandbox } from '../support/sandbox.ts';

describe('syncLead: keys', () => {
  test('a new lead is inserted, and updated when it is sent again', async () => {
    const marketo = await startStillSandbox();
    const first = await marketo.sync(email('t@t.com'));
    const second = await marketo.sync(email('t@t.com'));
    expect([first.status, second.status]).toEqual(['CREATED', 'UPDATED']);
    expect(second.leadId).toBe(first.leadId);
    expect((await marketo.control('GET', '/leads')).total).toBe(1);
  });

  test('the whole answer to a new lead has the form of the vendor', async () => {
    const marketo = await startStillSandbox();
    const answer = await marketo.sync(
      email('t@t.com') + attributes({ FirstName: 'George', LeadScore: '62', Unsubscribed: 'false' }),
    );
    expect(answer.httpStatus).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/xml; charset=utf-8');
    expect(answer.text).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n' +
        '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"' +
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:ns1="http://www.marketo.com/mktows/">' +
        '<SOAP-ENV:Body><ns1:successSyncLead><result><leadId>1000001</leadId>' +
        '<syncStatus><leadId>1000001</leadId><status>CREATED</status><error xsi:nil="true"/></syncStatus>' +
        '<leadRecord><Id>1000001</Id><Email>t@t.com</Email><ForeignSysPersonId xsi:nil="true"/>' +
        '<ForeignSysType xsi:nil="true"/><leadAttributeList>' +
        '<attribute><attrName>FirstName</attrName><attrType>string</attrType><attrValue>George</attrValue></attribute>' +
        '<attribute><attrName>LeadScore</attrName><attrType>score</attrType><attrValue>62</attrValue></attribute>' +
        '<attribute><attrName>Unsubscribed</attrName><attrType>boolean</attrType><attrValue>0</attrValue></attribute>' +
        '</leadAttributeList></leadRecord></result></ns1:successSyncLead></SOAP-ENV:Body></SOAP-ENV:Envelope>\n',
    );
  });

  test('without returnLead the record is nil', async () => {
    const answer = await (await startStillSandbox()).sync(email('a@b.c'), { returnLead: 'false' });
    expect(answer.text).toContain('</syncStatus><leadRecord xsi:nil="true"/></result>');
  });

  test('returnLead returns the complete record, not only what was sent', async () => {
    const marketo = await startStillSandbox();
    await marketo.sync(email('a@b.c') + attributes({ FirstName: 'Ann' }));
    const answer = await marketo.sync(email('a@b.c') + attributes({ LastName: 'Bee' }));
    expect(answer.text).toContain('<attrValue>Ann</attrValue>');
    expect(answer.text).toContain('<attrValue>Bee</attrValue>');
  });

  test('Id wins over everything', async () => {
    const marketo = await startStillSandbox();
    const one = await marketo.sync(email('one@b.c'));
    await marketo.sync(foreign('F2') + email('two@b.c'), { cookie: 'cookie-2' });
    const answer = await marketo.sync(id(one.leadId) + foreign('F9') + email('two@b.c'), { cookie: 'c9' });
    expect(answer.leadId).toBe(one.leadId);
    expect(answer.status).toBe('UPDATED');
  });

  test('a ForeignSysPersonId sent with an Id is written onto that lead', async () => {
    const marketo = await startStillSandbox();
    const { leadId } = await marketo.sync(email('a@b.c'));
    await marketo.sync(id(leadId) + foreign('F1', 'NETSUITE'));
    const found = await marketo.sync(foreign('F1', 'NETSUITE'));
    expect(found.leadId).toBe(leadId);
    expect(found.value('ForeignSysType')).toBe('NETSUITE');
  });

  test('an Email sent with an Id is written onto that lead', async () => {
    const marketo = await startStillSandbox();
    const { leadId } = await marketo.sync(email('old@b.c'));
    const answer = await marketo.sync(id(leadId) + email('new@b.c'));
    expect(answer.value('Email')).toBe('new@b.c');
    expect((await marketo.sync(email('old@b.c'))).status).toBe('CREATED');
  });

  test('an unknown Id is fault 20103, with any other key', async () => {
    const marketo = await startStillSandbox();
    await marketo.sync(email('a@b.c'));
    const answer = await marketo.sync(id(77) + email('a@b.c'));
    expect(answer.fault).toBe(20103);
    expect(answer.value('faultstring')).toBe('20103 - Lead not found');
    expect(answer.value('message')).toBe('No lead found with ID = 77 (20103)');
  });

  test('a foreign id of another lead moves when it is written by Id, since it stays unique', async () => {
    const marketo = await startStillSandbox();
    const one = await marketo.sync(email('one@b.c'));
    const two = await marketo.sync(foreign('F1') + email('two@b.c'));
    await marketo.sync(id(one.leadId) + foreign('F1'));
    expect((await marketo.sync(foreign('F1'))).leadId).toBe(one.leadId);
    const loser = await marketo.control('GET', `/leads/${two.leadId}`);
    expect(loser.foreignSysPersonId).toBeNull();
    expect(loser.history.at(-1)).toMatchObject({
      event: 'LOST_KEY',
      changes: [{ field: 'ForeignSysPersonId', from: 'F1', to: null }],
    });
  });

  test('without Id, ForeignSysPersonId wins and an Email sent with it is written onto that lead', async () => {
    const marketo = await startStillSandbox();
    const one = await marketo.sync(foreign('F1') + email('one@b.c'));
    await marketo.sync(email('two@b.c'));
    const answer = await marketo.sync(foreign('F1') + email('two@b.c'));
    expect(answer.leadId).toBe(one.leadId);
    expect(answer.value('Email')).toBe('two@b.c');
  });

  test('a new ForeignSysPersonId makes a new lead, even when the Email exists', async () => {
    const marketo = await startStillSandbox();
    const one = await marketo.sync(email('a@b.c'));
    const answer = await marketo.sync(foreign('F1') + email('a@b.c'));
    expect(answer.status).toBe('CREATED');
    expect(answer.leadId).not.toBe(one.leadId);
    expect(answer.value('Email')).toBe('a@b.c');
  });

  test('a foreign id is unique together with its type, and compares with case', async () => {
    const marketo = await startStillSandbox();
    const statuses = [];
    for (const record of [foreign('f1', 'SFDC'), foreign('f1', 'CUSTOM'), foreign('F1', 'SFDC')]) {
      statuses.push((await marketo.sync(record)).status);
    }
    expect(statuses).toEqual(['CREATED', 'CREATED', 'CREATED']);
  });

  test('the cookie wins over the Email, which is written onto its lead', async () => {
    const marketo = await startStillSandbox();
    const one = await marketo.sync(email('one@b.c'), { cookie: 'id:1&amp;token:x' });
    await marketo.sync(email('two@b.c'));
    const answer = await marketo.sync(email('two@b.c'), { cookie: 'id:1&amp;token:x' });
    expect(answer.leadId).toBe(one.leadId);
    expect(answer.value('Email')).toBe('two@b.c');
  });

  test('an anonymous lead matched by cookie becomes known', async () => {
    const marketo = await startStillSandbox();
    const visitor = await marketo.control('POST', '/visits', { cookie: 'id:1&token:x' });
    expect(visitor).toMatchObject({ anonymous: true, email: null });
    const answer = await marketo.sync(email('a@b.c'), { cookie: 'id:1&amp;token:x' });
    expect(answer.status).toBe('UPDATED');
    expect(answer.leadId).toBe(visitor.id);
    expect(await marketo.control('GET', `/leads/${visitor.id}`)).toMatchObject({
      anonymous: false,
      email: 'a@b.c',
    });
  });

  test('an unknown cookie is not a key, and is attached to the lead that the Email finds', async () => {
    const marketo = await startStillSandbox();
    const one = await marketo.sync(email('a@b.c'));
    const two = await marketo.sync(email('a@b.c'), { cookie: 'new' });
    expect([two.leadId, two.status]).toEqual([one.leadId, 'UPDATED']);
    const three = await marketo.sync('', { cookie: 'new' });
    expect([three.leadId, three.status]).toEqual([one.leadId, 'UPDATED']);
  });

  test('an unknown cookie alone makes a new lead', async () => {
    const marketo = await startStillSandbox();
    const one = await marketo.sync('', { cookie: 'new' });
    expect(one.status).toBe('CREATED');
    expect((await marketo.sync('', { cookie: 'new' })).leadId).toBe(one.leadId);
  });

  test('a cookie sent with a stronger key moves to the lead that key finds', async () => {
    const marketo = await startStillSandbox();
    const one = await marketo.sync(email('one@b.c'), { cookie: 'c' });
    const two = await marketo.sync(foreign('F2'), { cookie: 'c' });
    expect(two.leadId).not.toBe(one.leadId);
    expect((await marketo.sync('', { cookie: 'c' })).leadId).toBe(two.leadId);
  });

  test('emails compare without case', async () => {
    const marketo = await startStillSandbox();
    const one = await marketo.sync(email('Ann@Bee.com'));
    expect((await marketo.sync(email('ann@bee.COM'))).leadId).toBe(one.leadId);
  });

  test('of several leads with one Email the one written last is updated', async () => {
    const marketo = await startStillSandbox();
    const one = await marketo.sync(foreign('F1') + email('a@b.c'));
    const two = await marketo.sync(foreign('F2') + email('a@b.c'));
    expect((await marketo.sync(email('a@b.c'))).leadId).toBe(two.leadId);
    await marketo.sync(id(one.leadId) + attributes({ FirstName: 'Ann' }));
    expect((await marketo.sync(email('a@b.c'))).leadId).toBe(one.leadId);
  });

  test.each([
    ['id', '<id>1000001</id>'],
    ['email', '<email>a@b.c</email>'],
    ['foreignSysPersonId', '<foreignSysPersonId>F1</foreignSysPersonId>'],
    ['leadId', '<leadId>1000001</leadId>'],
  ])('%s is no key, as element names have case', async (_name, wrong) => {
    const marketo = await startStillSandbox();
    await marketo.sync(email('a@b.c') + foreign('F1'));
    expect((await marketo.sync(wrong)).fault).toBe(20101);
    const duplicate = await marketo.sync(wrong + email('other@b.c'));
    expect(duplicate.status).toBe('CREATED');
  });

  test.each([
    ['missing', ''],
    ['empty', '<Id/><ForeignSysPersonId></ForeignSysPersonId><ForeignSysType/>'],
    ['nil', '<Id xsi:nil="true"/><ForeignSysPersonId xsi:nil="1"/><ForeignSysType xsi:nil=" true "/>'],
    ['nil with content', '<Id xsi:nil="true">1000001</Id>'],
  ])('a key that is %s is not given', async (_form, record) => {
    expect((await (await startStillSandbox()).sync(record + email('a@b.c'))).status).toBe('CREATED');
  });
});
