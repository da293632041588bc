import { DESCRIPTION, type Examples, type Operation, OPERATIONS, TITLE } from './operations.ts';
import type { Json } from './responses.ts';

/** A request of the collection and its expected response. */
type Step = {
  readonly name: string;
  readonly operationId: string;
  readonly body?: unknown;
  /** The body as text, if it is not JSON. */
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Parameters of the query. */
  readonly query?: Readonly<Record<string, string>>;
  readonly status: number | readonly number[];
  /** Lines of JavaScript that check the response, `body`. */
  readonly checks?: readonly string[];
};

const NEW_ADDRESS = '{{email}}';

/** From a lead's creation to every kind of refusal that callers cause; passes from top to bottom. */
const LEADS: readonly Step[] = [
  {
    name: 'The fields that may be written',
    operationId: 'listFields',
    query: { readOnly: 'false' },
    status: 200,
    checks: [
      "check('the first name is one', () => pm.expect(body.fields.map(({ name }) => name)).to.include('FirstName'));",
    ],
  },
  {
    name: 'Check a lead without writing it',
    operationId: 'upsertLead',
    query: { dryRun: 'true' },
    body: { email: NEW_ADDRESS, attributes: { FirstName: 'Jane' } },
    status: 200,
    checks: ["check('nothing is wrong', () => pm.expect(body.valid).to.eql(true));"],
  },
  {
    name: 'Create by email',
    operationId: 'upsertLead',
    body: { email: NEW_ADDRESS, attributes: { FirstName: 'Jane', LeadScore: 62, Unsubscribed: false } },
    status: 201,
    checks: [
      "check('it is created', () => pm.expect(body.status).to.eql('CREATED'));",
      "pm.collectionVariables.set('leadId', body.leadId);",
    ],
  },
  {
    name: 'Update by email, with a list of attributes',
    operationId: 'upsertLead',
    headers: { Prefer: 'attributes=list' },
    body: { email: NEW_ADDRESS, attributeList: [{ name: 'LastName', value: 'Doe' }], returnLead: true },
    status: 200,
    checks: [
      "check('it is the same lead', () => pm.expect(body.leadId).to.eql(Number(pm.collectionVariables.get('leadId'))));",
      "check('the map has the attribute', () => pm.expect(body.lead.attributes.LastName).to.eql('Doe'));",
      "check('so has the list', () => pm.expect(body.lead.attributeList).to.deep.include({ name: 'LastName', value: 'Doe' }));",
      "check('the preference is applied', () => pm.expect(pm.response.headers.get('Preference-Applied')).to.eql('attributes=list'));",
    ],
  },
  {
    name: 'Update by id',
    operationId: 'upsertLead',
    // Postman inserts the number before the text is parsed as JSON.
    raw: '{\n  "id": {{leadId}},\n  "attributes": { "MiddleName": null }\n}',
    status: 200,
    checks: ["check('no second lead is created', () => pm.expect(body.status).to.not.eql('CREATED'));"],
  },
  {
    name: 'Look up by email',
    operationId: 'findLeads',
    query: { email: NEW_ADDRESS, fields: 'FirstName,LastName' },
    status: 200,
    checks: [
      "check('it is the same lead', () => pm.expect(body.leads[0].id).to.eql(Number(pm.collectionVariables.get('leadId'))));",
      "check('with the fields asked for', () => pm.expect(body.leads[0].attributes).to.eql({ FirstName: 'Jane', LastName: 'Doe' }));",
    ],
  },
  {
    name: 'No lead has the key',
    operationId: 'findLeads',
    query: { email: 'no.one.at.all@example.com' },
    status: 200,
    checks: ["check('the list is empty', () => pm.expect(body.leads).to.eql([]));"],
  },
  {
    name: 'Many leads at once',
    operationId: 'upsertLeads',
    body: {
      leads: [
        { email: NEW_ADDRESS, attributes: { FirstName: 'Janet' } },
        { email: 'not an address', attributes: { FirstName: 'John' } },
      ],
    },
    status: 200,
    checks: [
      "check('each has a result, in their order', () => pm.expect(body.results.map(({ index, status }) => [index, status])).to.eql([[0, 200], [1, 422]]));",
      "check('the first is the same lead', () => pm.expect(body.results[0].leadId).to.eql(Number(pm.collectionVariables.get('leadId'))));",
    ],
  },
  ...exampleSteps(['foreignId', 'workspace', 'cookie']),
  {
    name: 'A lead without a key is refused',
    operationId: 'upsertLead',
    body: { attributes: { FirstName: 'Jane' } },
    status: 422,
    checks: [
      "check('the problem says which', () => pm.expect(body.type).to.match(/[/]problems[/]validation-failed$/));",
    ],
  },
  {
    name: 'An attribute given twice is refused',
    operationId: 'upsertLead',
    body: {
      email: NEW_ADDRESS,
      attributes: { FirstName: 'Jane' },
      attributeList: [{ name: 'FirstName', value: 'John' }],
    },
    status: 422,
    checks: [
      "check('the problem points to it', () => pm.expect(body.errors[0].pointer).to.eql('#/attributeList/0/name'));",
    ],
  },
  {
    name: 'Accepted now and delivered later, by a gateway with an outbox',
    operationId: 'upsertLead',
    headers: { Prefer: 'respond-async', 'Idempotency-Key': '{{$guid}}' },
    body: { email: NEW_ADDRESS, attributes: { FirstName: 'Jane' } },
    status: [200, 202],
    checks: [
      "check('the receipt has the path of Location', () => pm.expect(pm.response.headers.get('Location') ?? undefined).to.eql(body.receipt));",
      "pm.collectionVariables.set('receiptId', body.receipt?.split('/').pop() ?? 'none');",
    ],
  },
  {
    name: 'What became of it',
    operationId: 'getReceipt',
    // Without an outbox there is no receipt.
    status: [200, 202, 404],
  },
  {
    name: 'What is not JSON is refused',
    operationId: 'upsertLead',
    raw: '{ "email": ',
    status: 400,
    checks: [
      "check('the problem says so', () => pm.expect(body.type).to.match(/[/]problems[/]malformed-json$/));",
    ],
  },
];

/** Examples from the descriptions; the sandbox accepts them any number of times. */
function exampleSteps(names: readonly string[]): Step[] {
  const examples: Examples = operation('upsertLead').request?.examples ?? {};
  return names.flatMap((name) => {
    const example = examples[name];
    return example === undefined
      ? []
      : [{ name: example.summary, operationId: 'upsertLead', body: example.value, status: [200, 201] }];
  });
}

const READS: readonly Step[] = OPERATIONS.filter(
  ({ method, answers, path, tag }) =>
    method === 'get' && 200 in answers && path !== '/metrics' && tag === 'operation',
).map(({ operationId, summary }) => ({ name: summary, operationId, status: 200 }));

/** Builds a Postman collection (format 2.1) whose requests check their responses. */
export function postmanCollection(version: string, server = 'http://127.0.0.1:8080'): Json {
  return {
    info: {
      // A fixed UUID makes a second import replace the collection instead of adding another.
      _postman_id: '5f6cf0a0-7b0e-4a3e-9a52-6a1d2f3c8e41',
      name: TITLE,
      description: DESCRIPTION,
      version,
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    variable: [
      { key: 'baseUrl', value: server, type: 'string' },
      { key: 'apiKey', value: '', type: 'string' },
      { key: 'email', value: '', type: 'string' },
      { key: 'leadId', value: '', type: 'string' },
      { key: 'receiptId', value: '', type: 'string' },
    ],
    event: [
      script('prerequest', [
        '// A new person for every run.',
        "if (!pm.collectionVariables.get('email')) {",
        "  pm.collectionVariables.set('email', `jane.${Date.now()}@example.com`);",
        '}',
        '// A gateway without keys needs none.',
        "if (!pm.variables.get('apiKey')) pm.request.headers.remove('X-API-Key');",
      ]),
    ],
    item: [
      { name: 'Leads', item: LEADS.map(describeStep) },
      { name: 'Operation', item: READS.map(describeStep) },
    ],
  };
}

function describeStep(step: Step): Json {
  const { method, path: template, description, needsCaller = false } = operation(step.operationId);
  const path = template.replace('{id}', '{{receiptId}}');
  const parameters = Object.entries(step.query ?? {});
  const text = step.raw ?? (step.body === undefined ? undefined : JSON.stringify(step.body, null, 2));
  const headers = {
    ...(text !== undefined && { 'Content-Type': 'application/json' }),
    ...(needsCaller && { 'X-API-Key': '{{apiKey}}' }),
    ...step.headers,
  };
  return {
    name: step.name,
    request: {
      method: method.toUpperCase(),
      description,
      header: Object.entries(headers).map(([key, value]) => ({ key, value })),
      url: {
        raw: `{{baseUrl}}${path}${parameters.length > 0 ? `?${parameters.map(([key, value]) => `${key}=${value}`).join('&')}` : ''}`,
        host: ['{{baseUrl}}'],
        path: path.slice(1).split('/'),
        ...(parameters.length > 0 && { query: parameters.map(([key, value]) => ({ key, value })) }),
      },
      ...(text !== undefined && {
        body: { mode: 'raw', raw: text, options: { raw: { language: 'json' } } },
      }),
    },
    event: [script('test', testsOf(step))],
    response: [],
  };
}

function testsOf({ status, checks = [] }: Step): string[] {
  const statuses = [status].flat();
  const isProblem = statuses.every((code) => code >= 400);
  return [
    'const check = pm.test;',
    `check('answers ${statuses.join(' or ')}', () => pm.expect(pm.response.code).to.be.oneOf(${JSON.stringify(statuses)}));`,
    "check('names the request', () => pm.response.to.have.header('X-Request-Id'));",
    ...(isProblem
      ? [
          "check('is a problem', () => pm.expect(pm.response.headers.get('Content-Type')).to.include('application/problem+json'));",
        ]
      : []),
    ...(checks.length > 0 ? ['const body = pm.response.json();', ...checks] : []),
  ];
}

function operation(operationId: string): Operation {
  const found = OPERATIONS.find((candidate) => candidate.operationId === operationId);
  if (found === undefined) throw new Error(`no operation ${operationId}`);
  return found;
}

function script(listen: 'prerequest' | 'test', exec: readonly string[]): Json {
  return { listen, script: { type: 'text/javascript', exec } };
}
