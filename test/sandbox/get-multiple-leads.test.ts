import { describe, expect, test } from 'vitest';
import {
  attributes,
  email,
  type SoapAnswer,
  startStillSandbox,
  type StillSandbox,
} from '../support/sandbox.ts';

type Asked = { readonly type?: string; readonly more?: string };

function getMultipleLeads(
  marketo: StillSandbox,
  keyType: string,
  keys: readonly string[],
  { type = 'xsi:type="ns1:LeadKeySelector"', more = '' }: Asked = {},
): Promise<SoapAnswer> {
  const items = keys.map((key) => `<stringItem>${key}</stringItem>`).join('');
  return marketo.call(
    `<ns1:paramsGetMultipleLeads><leadSelector xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ${type}>` +
      `<keyType>${keyType}</keyType><keyValues>${items}</keyValues></leadSelector>${more}</ns1:paramsGetMultipleLeads>`,
  );
}

const idsIn = ({ text }: SoapAnswer) => [...text.matchAll(/<Id>(\d+)<\/Id>/g)].map(([, id]) => Number(id));

async function withLeads(count: number): Promise<StillSandbox> {
  const marketo = await startStillSandbox();
  for (let nth = 1; nth <= count; nth += 1)
    await marketo.sync(email(`p${nth}@b.c`) + attributes({ FirstName: 'Ann', City: 'Ulm' }));
  return marketo;
}

describe('getMultipleLeads', () => {
  test('the whole answer has the form of the vendor', async () => {
    const { text } = await getMultipleLeads(await withLeads(1), 'IDNUM', ['1000001'], {
      more: '<includeAttributes><stringItem>City</stringItem></includeAttributes>',
    });
    expect(text).toContain(
      '<SOAP-ENV:Body><ns1:successGetMultipleLeads><result><returnCount>1</returnCount>' +
        '<remainingCount>0</remainingCount><newStreamPosition/><leadRecordList><leadRecord><Id>1000001</Id>' +
        '<Email>p1@b.c</Email><ForeignSysPersonId xsi:nil="true"/><ForeignSysType xsi:nil="true"/>' +
        '<leadAttributeList><attribute><attrName>City</attrName><attrType>string</attrType><attrValue>Ulm</attrValue>' +
        '</attribute></leadAttributeList></leadRecord></leadRecordList></result></ns1:successGetMultipleLeads></SOAP-ENV:Body>',
    );
  });

  test('unknown keys are left out, and a lead that two keys mean comes once', async () => {
    const marketo = await withLeads(2);
    const keys = ['p2@b.c', 'x@b.c', 'P2@b.c', 'p1@b.c'];
    expect(idsIn(await getMultipleLeads(marketo, 'EMAIL', keys))).toEqual([1000002, 1000001]);
    const none = await getMultipleLeads(marketo, 'EMAIL', ['x@b.c']);
    expect([none.value('returnCount'), idsIn(none)]).toEqual(['0', []]);
  });

  test('more than 100 keys are ignored', async () => {
    const marketo = await withLeads(1);
    const others = Array.from({ length: 100 }, (_, nth) => `x${nth}@b.c`);
    expect(idsIn(await getMultipleLeads(marketo, 'EMAIL', [...others, 'p1@b.c']))).toEqual([]);
    expect(idsIn(await getMultipleLeads(marketo, 'EMAIL', [...others.slice(1), 'p1@b.c']))).toEqual([
      1000001,
    ]);
  });

  test('an answer has as many leads as batchSize says; the next one goes on at its position', async () => {
    const marketo = await withLeads(3);
    const keys = ['p1@b.c', 'p2@b.c', 'p3@b.c'];
    const first = await getMultipleLeads(marketo, 'EMAIL', keys, { more: '<batchSize>2</batchSize>' });
    expect([first.value('returnCount'), first.value('remainingCount')]).toEqual(['2', '1']);
    const second = await getMultipleLeads(marketo, 'EMAIL', keys, {
      more: `<streamPosition>${first.value('newStreamPosition')}</streamPosition><batchSize>2</batchSize>`,
    });
    expect([idsIn(second), second.value('remainingCount')]).toEqual([[1000003], '0']);
  });

  test('a selector without a type is known by its keys; any other is fault 20019', async () => {
    const marketo = await withLeads(1);
    expect(idsIn(await getMultipleLeads(marketo, 'EMAIL', ['p1@b.c'], { type: '' }))).toEqual([1000001]);
    for (const type of ['StaticListSelector', 'LastUpdateAtSelector']) {
      const answer = await getMultipleLeads(marketo, 'EMAIL', ['p1@b.c'], { type: `xsi:type="ns1:${type}"` });
      expect(answer.fault).toBe(20019);
    }
    const empty =
      '<ns1:paramsGetMultipleLeads><leadSelector><staticListName>a</staticListName></leadSelector></ns1:paramsGetMultipleLeads>';
    expect((await marketo.call(empty)).fault).toBe(20019);
  });

  test.each([
    ['no keys', '<leadSelector><keyType>EMAIL</keyType></leadSelector>', 20109],
    ['no selector', '<batchSize>1</batchSize>', 20109],
    [
      'an unknown key type',
      '<leadSelector><keyType>SHOE</keyType><keyValues><stringItem>1</stringItem></keyValues></leadSelector>',
      20102,
    ],
  ])('%s is a fault', async (_name, content, code) => {
    const marketo = await startStillSandbox();
    expect(
      (await marketo.call(`<ns1:paramsGetMultipleLeads>${content}</ns1:paramsGetMultipleLeads>`)).fault,
    ).toBe(code);
  });
});
