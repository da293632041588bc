import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { problemType } from '../../support/client.ts';
import { bearer, type Entry, SECRET, startKeyedGateway } from '../../support/gateway.ts';
import { TEST_KEYS, WEBHOOK_SECRETS } from '../../support/recordings.ts';
import { testEvery } from '../../support/exhaustive.ts';

const BOUNDARY = '------------------------9f1c2b7a4e';

/** What senders post, written after their documentation, and the key that takes it. */
const SENDERS = {
  typeform: {
    type: 'application/json',
    attributes: ['FirstName', 'NumberOfEmployees', 'LeadSource', 'Industry', 'DoNotCall'],
    map: {
      email: answer('email', '/email'),
      attributes: {
        FirstName: answer('first_name', '/text'),
        NumberOfEmployees: answer('employees', '/number'),
        Industry: answer('product', '/choice/label'),
        DoNotCall: answer('never_asked', '/boolean'),
        LeadSource: { constant: 'Typeform' },
      },
    },
    lead: { FirstName: 'Jane', NumberOfEmployees: 250, Industry: 'Gateway', LeadSource: 'Typeform' },
  },
  calendly: {
    type: 'application/json',
    attributes: ['FirstName', 'LastName', 'Company', 'MiddleName'],
    map: {
      email: '/payload/email',
      attributes: {
        FirstName: '/payload/first_name',
        LastName: '/payload/last_name',
        MiddleName: '/payload/tracking/utm_source',
        Company: '/payload/questions_and_answers/0/answer',
      },
    },
    lead: { FirstName: 'Jane', LastName: 'Doe', Company: 'Example Ltd' },
  },
  stripe: {
    type: 'application/json; charset=utf-8',
    attributes: ['LastName', 'Company', 'PostalCode'],
    map: {
      email: '/data/object/customer_details/email',
      attributes: {
        LastName: '/data/object/customer_details/name',
        PostalCode: '/data/object/customer_details/address/postal_code',
        Company: {
          list: '/data/object/custom_fields',
          where: { '/key': 'company', '/type': 'text' },
          value: '/text/value',
        },
      },
    },
    lead: { LastName: 'Jane Doe', PostalCode: '00123', Company: 'Example Ltd' },
  },
  webflow: {
    type: 'application/json',
    attributes: ['FirstName', 'LastName', 'Phone'],
    map: {
      email: '/payload/data/email',
      attributes: {
        FirstName: '/payload/data/First Name',
        LastName: '/payload/data/Last Name',
        Phone: '/payload/data/Phone Number',
      },
    },
    lead: { FirstName: 'Jane', LastName: 'Doe', Phone: 15_550_000_000 },
  },
  jotform: {
    type: `multipart/form-data; boundary=${BOUNDARY}`,
    attributes: ['FirstName', 'LastName', 'Company'],
    map: {
      email: '/rawRequest/q4_email',
      attributes: {
        FirstName: '/rawRequest/q3_name/first',
        LastName: '/rawRequest/q3_name/last',
        Company: '/rawRequest/q5_company',
      },
    },
    lead: { FirstName: 'Jane', LastName: 'Doe', Company: 'Example & Söhne' },
  },
} as const;

type Sender = keyof typeof SENDERS;

function answer(ref: string, value: string) {
  return { list: '/form_response/answers', where: { '/field/ref': ref }, value };
}

function bodyOf(sender: Sender): Buffer {
  const file = sender === 'jotform' ? 'jotform.multipart' : `${sender}.json`;
  return readFileSync(new URL(`fixtures/${file}`, import.meta.url));
}

/** A gateway with the key of a webhook; posts to it. */
async function start(more: Partial<Entry>, env: (name: string) => string | undefined = () => undefined) {
  const entry: Entry = { name: 'hook', key: TEST_KEYS.webhook, kind: 'webhook', ...more };
  const gateway = await startKeyedGateway([SECRET, entry], {}, { env, now: () => NOW });
  return {
    ...gateway,
    post: (body: string | Uint8Array, headers: Record<string, string> = {}) =>
      gateway.request('POST', `/leads?key=${TEST_KEYS.webhook}`, {
        headers: { 'content-type': 'application/json', ...headers },
        body,
      }),
    async attributesOf(email: string) {
      const { body } = await gateway.putLead({ email, returnLead: true }, { headers: bearer(SECRET.key) });
      return body.lead.attributes as Record<string, unknown>;
    },
  };
}

describe('a webhook in the shape of', () => {
  testEvery(3, Object.keys(SENDERS) as Sender[])(
    '%s becomes a lead by the map of its key',
    async (sender) => {
      const { type, attributes, map, lead } = SENDERS[sender];
      const gateway = await start({ attributes, map });
      const { status, body } = await gateway.post(bodyOf(sender), { 'content-type': type });
      expect([status, body]).toEqual([202, { status: 'ACCEPTED' }]);
      const stored = await gateway.attributesOf('jane@example.com');
      for (const [name, value] of Object.entries(lead)) expect(String(stored[name])).toBe(String(value));
      for (const name of ['DoNotCall', 'MiddleName']) expect(stored[name] ?? null).toBeNull();
    },
  );
});

describe('the map', () => {
  const KEY = {
    attributes: ['FirstName'],
    map: { email: '/a~1b/m~0n/0', marketoCookie: '/cookie', attributes: { FirstName: '/name' } },
  };
  const posted = (name: unknown) => JSON.stringify({ 'a/b': { 'm~n': ['jane@example.com'] }, name });

  test('follows escaped pointers, and leaves out what is missing, null or empty', async () => {
    const gateway = await start(KEY);
    for (const name of [undefined, null, '']) {
      expect((await gateway.post(posted(name))).status).toBe(202);
    }
    expect((await gateway.attributesOf('jane@example.com'))['FirstName'] ?? null).toBeNull();
  });

  test.each<[value: unknown, kind: string]>([
    [['Jane'], 'a list'],
    [{ first: 'Jane' }, 'an object'],
  ])('refuses %j with a pointer into what was posted', async (value, kind) => {
    const gateway = await start(KEY);
    const { status, body } = await gateway.post(posted(value));
    expect([status, body.errors]).toEqual([
      422,
      [
        {
          pointer: '#/name',
          detail: `is ${kind}; the map of the key needs a text, a number, true or false`,
        },
      ],
    ]);
  });

  test('lets problems of the lead point into what was posted', async () => {
    const gateway = await start(KEY);
    const { body } = await gateway.post(JSON.stringify({ 'a/b': { 'm~n': ['jane'] } }));
    expect(body.errors).toEqual([
      { pointer: '#/a~1b/m~0n/0', detail: expect.stringContaining('must be an email address') },
    ]);
  });

  test('reaches nothing that is inherited', async () => {
    const gateway = await start({
      ...KEY,
      map: { ...KEY.map, email: '/__proto__/x', attributes: { FirstName: '/constructor/name' } },
    });
    const { status } = await gateway.post('{"__proto__":{"x":"jane@example.com"}}');
    expect(status).toBe(202);
    expect((await gateway.post('{}')).status).toBe(422);
  });

  test('takes whole numbers from texts for id, and texts from numbers for ids of other systems', async () => {
    const gateway = await startKeyedGateway([
      { ...SECRET, map: { id: '/n', foreignSysPersonId: '/m', foreignSysType: { constant: 'CUSTOM' } } },
    ]);
    const send = (body: unknown) =>
      gateway.request('POST', '/leads', {
        headers: { 'content-type': 'application/json', ...bearer(SECRET.key) },
        body: JSON.stringify(body),
      });
    expect((await send({ m: 42 })).status).toBe(201);
    expect((await send({ n: '7', m: 42 })).body.type).toEqual(problemType('lead-not-found'));
    expect((await send({ n: 'x', m: 42 })).body.errors).toEqual([
      { pointer: '#/n', detail: 'must be an integer' },
    ]);
  });

  test('reads JSON of any shape, and refuses all else', async () => {
    const gateway = await start(KEY);
    expect((await gateway.post('{"a":')).body.type).toEqual(problemType('malformed-json'));
    expect((await gateway.post('')).body.type).toEqual(problemType('malformed-json'));
    expect((await gateway.post(`[${'0,'.repeat(60_000)}0]`)).status).toBe(422);
    expect((await gateway.post('[[]]')).body.errors).toEqual([
      { pointer: '#', detail: expect.stringContaining('needs at least one of') },
    ]);
  });
});

const { standard: STANDARD, text: TEXT } = WEBHOOK_SECRETS;
const LEAD = '{"email":"jane@example.com"}';

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text);
const NOW = Date.UTC(2026, 10, 27);
const seconds = (shift = 0) => NOW / 1000 + shift;

/** Signs a body as senders do; `time` in seconds. */
const SIGN: Record<string, (body: string, secret: string, time: number) => Record<string, string>> = {
  'standard-webhooks': (body, secret, time) => {
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
    return {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(time),
      'webhook-signature': `v1a,${'A'.repeat(88)} v1,${hmac(key, `msg_1.${time}.${body}`).digest('base64')}`,
    };
  },
  typeform: (body, secret) => ({ 'Typeform-Signature': `sha256=${hmac(secret, body).digest('base64')}` }),
  stripe: (body, secret, time) => ({
    'Stripe-Signature': `t=${time},v1=${'0'.repeat(64)},v1=${hmac(secret, `${time}.${body}`).digest('hex')},v0=aa`,
  }),
  calendly: (body, secret, time) => ({
    'Calendly-Webhook-Signature': `t=${time},v1=${hmac(secret, `${time}.${body}`).digest('hex')}`,
  }),
  webflow: (body, secret, time) => ({
    'x-webflow-timestamp': String(time * 1000),
    'x-webflow-signature': hmac(secret, `${time * 1000}:${body}`).digest('hex'),
  }),
};
const SCHEMES = Object.keys(SIGN);
const sign = (scheme: string, body = LEAD, time = seconds(), secret = secretOf(scheme)) =>
  SIGN[scheme]!(body, secret, time);
const secretOf = (scheme: string) => (scheme === 'standard-webhooks' ? STANDARD : TEXT);

const signed = (scheme: string) =>
  start({ signature: { scheme, secretEnv: 'HOOK_SECRET' } }, (name) =>
    name === 'HOOK_SECRET' ? `another\n${secretOf(scheme)}\n` : undefined,
  );

describe.each(SCHEMES)('a signature by the scheme of %s', (scheme) => {
  test('is checked over the bytes that came, and lets the answer be told', async () => {
    const gateway = await signed(scheme);
    const body = ` ${LEAD}\n`;
    const { status, body: answered } = await gateway.post(body, sign(scheme, body));
    expect([status, answered.status]).toEqual([201, 'CREATED']);
  });

  test('is refused if it is missing, of another secret, or of another body', async () => {
    const gateway = await signed(scheme);
    const other =
      scheme === 'standard-webhooks' ? `whsec_${Buffer.from('other').toString('base64')}` : 'other';
    const garbled = Object.fromEntries(Object.keys(sign(scheme)).map((name) => [name, 'garbled']));
    for (const headers of [{}, garbled, sign(scheme, LEAD, seconds(), other), sign(scheme, `${LEAD} `)]) {
      const { status, body, headers: got } = await gateway.post(LEAD, headers);
      expect([status, body.type]).toEqual([401, problemType('invalid-signature')]);
      expect(got.get('www-authenticate')).not.toBeNull();
    }
    const leads = await (await fetch(`${gateway.sandboxUrl}/_sandbox/leads`)).text();
    expect(leads).not.toContain('jane@');
    const log = gateway.logs.join('');
    expect(log).toContain('"refusal":"webhook-signature"');
    expect(log).not.toContain(secretOf(scheme));
  });
});

testEvery(
  3,
  SCHEMES.filter((scheme) => scheme !== 'typeform'),
)('a signature by the scheme of %s is refused after five minutes, and from the future', async (scheme) => {
  const gateway = await signed(scheme);
  for (const shift of [-400, 400]) {
    const { status, body } = await gateway.post(LEAD, sign(scheme, LEAD, seconds(shift)));
    expect([status, body.detail]).toEqual([401, expect.stringContaining('more than five minutes ago')]);
  }
  expect((await gateway.post(LEAD, sign(scheme, LEAD, seconds(-200)))).status).toBe(201);
});

describe('the secret of a signature', () => {
  test('may be in a file, which is read each time', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lead-gateway-secret-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const secretFile = join(folder, 'secret');
    writeFileSync(secretFile, 'old\n');
    const gateway = await start({ signature: { scheme: 'typeform', secretFile } });
    const send = (secret: string) => gateway.post(LEAD, sign('typeform', LEAD, 0, secret));
    expect((await send('old')).status).toBe(201);
    expect((await send('new')).status).toBe(401);
    writeFileSync(secretFile, 'new\nold\n');
    expect((await send('new')).status).toBe(200);
    expect((await send('old')).status).toBe(200);
    // Nothing would ever write into it.
    rmSync(secretFile);
    execFileSync('mkfifo', [secretFile]);
    expect((await send('old')).status).toBe(503);
  });

  test.each([
    ['a file that is not there', { secretFile: '/nowhere/secret' }],
    ['a variable that is not set', { secretEnv: 'NOT_SET' }],
    ['an empty variable', { secretEnv: 'EMPTY' }],
  ])('in %s refuses everything, to be sent again', async (_what, where) => {
    const gateway = await start({ signature: { scheme: 'stripe', ...where } }, (name) =>
      name === 'EMPTY' ? '' : undefined,
    );
    const { status, body, headers } = await gateway.post(LEAD, sign('stripe', LEAD, seconds(), ''));
    expect([status, body.type]).toEqual([503, problemType('unavailable')]);
    expect(headers.get('retry-after')).toBe('60');
  });

  testEvery(2, ['whsec_', 'whsec_=', 'whsec_!!!', ` ${STANDARD}\nwhsec_ `])(
    'without a key in it, %j, refuses everything, also what is signed with an empty key',
    async (text) => {
      const scheme = 'standard-webhooks';
      const gateway = await start({ signature: { scheme, secretEnv: 'HOOK_SECRET' } }, () => text);
      const { status, body } = await gateway.post(LEAD, sign(scheme, LEAD, seconds(), 'whsec_'));
      expect([status, body.type]).toEqual([503, problemType('unavailable')]);
      expect(body.detail).toContain('has no key behind whsec_');
      const leads = await (await fetch(`${gateway.sandboxUrl}/_sandbox/leads`)).text();
      expect(leads).not.toContain('jane@');
    },
  );

  test('is needed although the key is right, also in a header', async () => {
    const gateway = await signed('stripe');
    const { status } = await gateway.request('POST', '/leads', {
      headers: { 'content-type': 'application/json', ...bearer(TEST_KEYS.webhook) },
      body: LEAD,
    });
    expect(status).toBe(401);
  });
});
