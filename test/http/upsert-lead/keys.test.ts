import { describe, expect, test } from 'vitest';
import { startTestGateway } from '../../support/gateway.ts';
import { shared } from '../../support/lasting.ts';
import { controlOf, type SandboxLead } from '../../support/sandbox.ts';
import { testEvery } from '../../support/exhaustive.ts';

const COOKIE = 'id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169';

const gateway = shared(() => startTestGateway({ MARKETO_MAX_CALLS_PER_20S: '100000' }));

/** The gateway on an empty sandbox, and what the sandbox keeps. */
async function start() {
  const control = controlOf(gateway().sandboxUrl);
  await control('POST', '/reset');
  const leads = async (): Promise<SandboxLead[]> => (await control('GET', '/leads')).leads;
  return { ...gateway(), leads };
}

describe('marketoCookie', () => {
  testEvery<[string, string, RegExp]>(3, [
    ['null', 'null', /placeholder/],
    ['undefined', 'undefined', /placeholder/],
    ['NULL with blanks', ' NULL ', /placeholder/],
    ['an object', '[object Object]', /placeholder/],
    ['NaN', 'NaN', /placeholder/],
    ['blanks', '  ', /placeholder/],
    ['a template', '{{cookie._mkto_trk}}', /placeholder/],
    ['an encoded template', encodeURIComponent('${cookie}'), /placeholder/],
    ['placeholders as its parts', 'id:undefined&token:null', /placeholder/],
    ['a placeholder as its token', 'id:287-GTJ-838&token:undefined', /placeholder/],
    ['a template as its token', 'id:287-GTJ-838&token:{{token}}', /placeholder/],
    [
      'a token of values that are missing',
      'id:287-GTJ-838&token:_mch-undefined-undefined-undefined',
      /placeholder/,
    ],
    ['a token without its numbers', 'id:287-GTJ-838&token:_mch-example.com-NaN-NaN', /placeholder/],
    ['a token without anything', 'id:287-GTJ-838&token:_mch-', /placeholder/],
    ['the name of the cookie', `_mkto_trk=${COOKIE}`, /alone, .*without _mkto_trk=$/],
    ['the name of the cookie, encoded', encodeURIComponent(`_mkto_trk=${COOKIE}`), /without _mkto_trk=$/],
    ['two encodings', encodeURIComponent(encodeURIComponent(COOKIE)), /percent-encoded more than once/],
    ['three encodings', encodeURIComponent(encodeURIComponent(encodeURIComponent(COOKIE))), /more than once/],
    ['quotes', `"${COOKIE}"`, /quotes around it/],
    ['blanks around it', ` ${COOKIE}`, /blanks around it/],
    ['the encoding of HTML', COOKIE.replace('&', '&amp;'), /encoded for HTML/],
    ['all cookies', `_ga=GA1.2.3; _mkto_trk=${COOKIE}; x=y`, /whole Cookie header/],
    ['a Cookie header', `Cookie: _mkto_trk=${COOKIE}`, /whole Cookie header/],
    ['no token', 'id:287-GTJ-838', /which is id:<munchkin id>&token:<token>/],
    ['an empty token', 'id:287-GTJ-838&token:', /which is id:/],
    ['upper-case names', COOKIE.replace('id', 'ID'), /which is id:/],
    ['more than a cookie', `${COOKIE}&x:1`, /which is id:/],
    ['a stray percent sign', `${COOKIE}%`, /which is id:/],
    ['a text of a mebibyte', 'id:'.padEnd(900_000, ' '), /longer than any cookie/],
  ])('with %s is refused, and two people stay two', async (_what, marketoCookie, complaint) => {
    const { putLead, leads } = await start();
    for (const email of ['jane@example.com', 'john@example.com']) {
      const { status, body } = await putLead({ email, marketoCookie });
      expect([status, body.errors]).toEqual([
        422,
        [{ pointer: '#/marketoCookie', detail: expect.stringMatching(complaint) as string }],
      ]);
    }
    expect(await leads()).toEqual([]);
  });

  test('raw, encoded and half encoded is the same visitor, and kept decoded', async () => {
    const { putLead, leads } = await start();
    const answers = [
      await putLead({ marketoCookie: COOKIE, email: 'jane@example.com' }),
      await putLead({ marketoCookie: encodeURIComponent(COOKIE) }),
      await putLead({ marketoCookie: COOKIE.replace('&', '%26') }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200]);
    expect((await leads()).map(({ cookies }) => cookies)).toEqual([[COOKIE]]);
  });

  test('raw and encoded at the same time makes one lead', async () => {
    const { putLead, leads } = await start();
    const answers = await Promise.all(
      [COOKIE, encodeURIComponent(COOKIE)].map((marketoCookie) => putLead({ marketoCookie })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 201]);
    expect(await leads()).toHaveLength(1);
  });

  test('that is empty, as when a browser blocks it, counts as none', async () => {
    const { putLead, leads } = await start();
    for (const email of ['jane@example.com', 'john@example.com']) {
      expect((await putLead({ email, marketoCookie: '' })).status).toBe(201);
    }
    expect((await leads()).map(({ cookies }) => cookies)).toEqual([[], []]);
  });

  test('that is empty and alone is refused, with the reason it may have', async () => {
    const { putLead } = await start();
    const { status, body } = await putLead({ marketoCookie: '' });
    expect([status, body.errors]).toEqual([
      422,
      [{ pointer: '#', detail: expect.stringMatching(/at least one of .*blocks the cookie/) as string }],
    ]);
  });
});

testEvery(2, ['email', 'foreignSysPersonId', 'foreignSysType', 'workspace'])(
  'an empty %s, which may mean to clear or to leave it, is refused',
  async (member) => {
    const { putLead } = await start();
    const { status, body } = await putLead({
      id: 1,
      foreignSysPersonId: 'a',
      foreignSysType: 'SFDC',
      [member]: '',
    });
    expect([status, body.errors.map(({ pointer }: { pointer: string }) => pointer)]).toEqual([
      422,
      [`#/${member}`],
    ]);
  },
);

describe('foreignSysPersonId', () => {
  testEvery(3, [
    'null',
    ' Undefined ',
    '[object Object]',
    'NaN',
    'None',
    'nil',
    'n/a',
    '{{id}}',
    '<id>',
    '  ',
  ])('is not a placeholder such as %j, and two people stay two', async (foreignSysPersonId) => {
    const { putLead, leads } = await start();
    for (const email of ['jane@example.com', 'john@example.com']) {
      const { status, body } = await putLead({ email, foreignSysPersonId, foreignSysType: 'CUSTOM' });
      expect([status, body.errors]).toEqual([
        422,
        [
          {
            pointer: '#/foreignSysPersonId',
            detail: expect.stringContaining('placeholder') as string,
          },
        ],
      ]);
    }
    expect(await leads()).toEqual([]);
  });

  testEvery(2, ['Null-42', 'None of the above Ltd', '003A000001abc', ' 42 '])(
    'is taken as it is when it only resembles one: %j',
    async (foreignSysPersonId) => {
      const { putLead, leads } = await start();
      expect((await putLead({ foreignSysPersonId, foreignSysType: 'CUSTOM' })).status).toBe(201);
      expect(await leads()).toMatchObject([{ foreignSysPersonId }]);
    },
  );
});

describe('email', () => {
  testEvery(2, [
    'undefined@undefined',
    'null@null',
    'undefined@example.com',
    '{{user}}@example.com',
    'null',
    '{{email}}',
  ])('is not a placeholder such as %s', async (email) => {
    const { putLead } = await start();
    const { status, body } = await putLead({ email });
    expect([status, body.errors]).toEqual([
      422,
      [{ pointer: '#/email', detail: expect.stringContaining('placeholder') as string }],
    ]);
  });

  testEvery<[string, string]>(3, [
    ['info@münchen.example', 'info@xn--mnchen-3ya.example'],
    ['info@mu\u0308nchen.example', 'info@xn--mnchen-3ya.example'],
    ['info@MÜNCHEN.Example', 'info@xn--mnchen-3ya.example'],
    ['info@münchen。example', 'info@xn--mnchen-3ya.example'],
    ['info@mail.münchen.example', 'info@mail.xn--mnchen-3ya.example'],
    ['info@straße.example', 'info@xn--strae-oqa.example'],
    ['info@i❤️.example', 'info@xn--i-7iq.example'],
    ['info@שלום.example', 'info@xn--9dbne9b.example'],
    ['info@例え.テスト', 'info@xn--r8jz45g.xn--zckzah'],
    ['info@ｅｘａｍｐｌｅ.com', 'info@example.com'],
    ['Info+Tag@münchen.example', 'Info+Tag@xn--mnchen-3ya.example'],
  ])('%s is one lead with %s', async (given, wire) => {
    const { putLead, leads } = await start();
    const answers = await Promise.all([given, wire].map((email) => putLead({ email })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 201]);
    expect((await leads()).map(({ email }) => email)).toEqual([wire]);
    const { body } = await putLead({ email: given, returnLead: true });
    expect(body.lead.email).toBe(wire);
  });

  testEvery(2, [
    'Jane.Doe@Example.COM',
    "o'hara@example.com",
    'a@xn--mnchen-3ya.example',
    'a@XN--A.example',
    'a@1.2.3.4',
    'a@localhost',
  ])('in ASCII goes on byte for byte: %s', async (email) => {
    const { putLead, leads } = await start();
    expect((await putLead({ email })).status).toBe(201);
    expect((await leads()).map((lead) => lead.email)).toEqual([email]);
  });

  testEvery<[string, RegExp]>(3, [
    ['jörg@example.com', /letters other than A to Z are allowed only after the @/],
    ['jörg@münchen.example', /letters other than A to Z are allowed only after the @/],
    ['info＠münchen.example', /such as jane@example.com/],
    ['info@１２７.０.０.１', /its domain is not valid/],
    ['info@０ｘ7f.１', /its domain is not valid/],
    ['info@münchen.example:25', /its domain is not valid/],
    ['info@münchen.example/x', /its domain is not valid/],
    ['info@ü%2eexample', /its domain is not valid/],
    ['info@ü％41.example', /its domain is not valid/],
    ['info@ü\u2100.example', /its domain is not valid/],
    ['info@[ü]', /its domain is not valid/],
    ['info@ü\t.example', /its domain is not valid/],
    ['info@ü_.example', /its domain is not valid/],
    ['info@münchen.example.', /its domain is not valid/],
    ['info@münchen.example。', /its domain is not valid/],
    ['info@münchen..example', /its domain is not valid/],
    ['info@-.münchen.example', /its domain is not valid/],
    ['info@שa.example', /its domain is not valid/],
    ['info@xn--.münchen.example', /its domain is not valid/],
    ['info@xn--a.münchen.example', /its domain is not valid/],
    ['info@münchen.\uD800', /its domain is not valid/],
    [`info@${'ü'.repeat(80)}.example`, /its domain is not valid/],
    [`info@${'üx.'.repeat(30)}example`, /at most 255 characters, with its domain as the DNS has it/],
    [`info@${'ü'.repeat(500_000)}`, /at most 255 characters/],
    [`${'x'.repeat(250)}@example.com`, /at most 255 characters/],
  ])('%s is refused', async (email, complaint) => {
    const { putLead } = await start();
    const { status, body } = await putLead({ email });
    expect([status, body.errors]).toEqual([
      422,
      [{ pointer: '#/email', detail: expect.stringMatching(complaint) as string }],
    ]);
  });
});

describe('null', () => {
  const nothing = {
    id: null,
    email: null,
    foreignSysPersonId: null,
    foreignSysType: null,
    marketoCookie: null,
    attributes: null,
    attributeList: null,
    returnLead: null,
    workspace: null,
  };

  test('is as if left out, for every member', async () => {
    const { putLead, leads } = await start();
    const answers = [
      await putLead({ ...nothing, email: 'jane@example.com' }),
      await putLead({ ...nothing, foreignSysPersonId: '42', foreignSysType: 'CUSTOM' }),
      await putLead({ ...nothing, marketoCookie: COOKIE }),
    ];
    expect(answers.map(({ status, body }) => [status, Object.keys(body)])).toEqual([
      [201, ['leadId', 'status']],
      [201, ['leadId', 'status']],
      [201, ['leadId', 'status']],
    ]);
    const byId = await putLead({ ...nothing, id: answers[0]?.body.leadId, attributes: { City: 'Rom' } });
    expect(byId.status).toBe(200);
    expect(await leads()).toMatchObject([
      { email: 'jane@example.com', foreignSysPersonId: null, attributes: { City: 'Rom' } },
      { email: null, foreignSysPersonId: '42' },
      { email: null, cookies: [COOKIE] },
    ]);
  });

  test('clears a field, in attributes and in attributeList', async () => {
    const { putLead, leads } = await start();
    await putLead({ email: 'jane@example.com', attributes: { City: 'Rom', FirstName: 'Jane', Title: 'Dr' } });
    await putLead({
      email: 'jane@example.com',
      attributes: { City: null },
      attributeList: [{ name: 'FirstName', value: null }],
    });
    expect((await leads()).map(({ attributes }) => attributes)).toEqual([{ Title: 'Dr' }]);
  });

  testEvery<[string, object, string]>(3, [
    ['no key at all', { email: null }, '#'],
    ['no key in any member', nothing, '#'],
    ['no key but an empty cookie', { ...nothing, marketoCookie: '' }, '#'],
    ['an id without its system', { foreignSysPersonId: '42', foreignSysType: null }, '#/foreignSysType'],
    [
      'a system without an id',
      { id: 1, foreignSysPersonId: null, foreignSysType: 'SFDC' },
      '#/foreignSysType',
    ],
    ['an attribute without a value', { id: 1, attributeList: [{ name: 'City' }] }, '#/attributeList/0/value'],
    ['an attribute that is not an object', { id: 1, attributeList: [null] }, '#/attributeList/0'],
    [
      'an attribute without a name',
      { id: 1, attributeList: [{ name: null, value: 1 }] },
      '#/attributeList/0/name',
    ],
    ['an unknown member', { id: 1, phone: null }, '#/phone'],
  ])('leaves %s refused', async (_what, lead, pointer) => {
    const { putLead } = await start();
    const { status, body } = await putLead(lead);
    expect([status, body.errors.map((error: { pointer: string }) => error.pointer)]).toEqual([
      422,
      [pointer],
    ]);
  });
});
