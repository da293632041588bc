// A node for n8n that @devlikeapro/n8n-openapi-node builds of the committed OpenAPI 3.0 document: its resources, operations
// and fields are those of the gateway, and what it would send is understood.
//   node checks/clients/n8n.mjs <folder with it in node_modules>
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { runInNewContext } from 'node:vm';
import { startDemo } from '../processes.mjs';

const [folder] = process.argv.slice(2);
assert.ok(folder, 'the first argument is a folder with the tool');
const require = createRequire(join(resolve(folder), 'package.json'));
const { N8NPropertiesBuilder } = require('@devlikeapro/n8n-openapi-node');

const document = JSON.parse(readFileSync('openapi/openapi-3.0.json', 'utf8'));
const silent = { info() {}, debug() {}, warn() {}, error() {} };
const build = (overrides = []) => new N8NPropertiesBuilder(document, { logger: silent }).build(overrides);

/** What a person picks from: the operations by resource, with the request each makes. */
function operationsOf(properties) {
  return properties
    .filter(({ name, type }) => name === 'operation' && type === 'options')
    .flatMap(({ displayOptions, options }) =>
      options.map(({ name, routing: { request } }) => [
        displayOptions.show.resource[0],
        name,
        request.method,
        request.url,
      ]),
    );
}

/** What a person fills in for an operation: name and type, and whether it has to be there. */
function fieldsOf(properties, operation) {
  return properties
    .filter(
      ({ type, displayOptions }) => type !== 'notice' && displayOptions?.show.operation?.includes(operation),
    )
    .map(({ name, type, required = false }) => `${name}: ${type}${required ? ', required' : ''}`);
}

const properties = build();
const ID = '{{$parameter["id"]}}';
assert.deepEqual(operationsOf(properties), [
  ['Leads', 'Upsert Lead', 'PUT', '=/leads'],
  ['Leads', 'Post Lead', 'POST', '=/leads'],
  ['Leads', 'Find Leads', 'GET', '=/leads'],
  ['Leads', 'Upsert Leads', 'PUT', '=/leads/batch'],
  ['Leads', 'Get Receipt', 'GET', `=/receipts/${ID}`],
  ['Leads', 'List Fields', 'GET', '=/leads/fields'],
  ['Operation', 'Get Health', 'GET', '=/healthz'],
  ['Operation', 'Get Readiness', 'GET', '=/readyz'],
  ['Operation', 'Get Status', 'GET', '=/status'],
  ['Operation', 'Get Metrics', 'GET', '=/metrics'],
  ['Outbox', 'Get Outbox', 'GET', '=/outbox'],
  ['Outbox', 'List Outbox Leads', 'GET', '=/outbox/leads'],
  ['Outbox', 'Get Outbox Lead', 'GET', `=/outbox/leads/${ID}`],
  ['Outbox', 'Discard Outbox Lead', 'DELETE', `=/outbox/leads/${ID}`],
  ['Outbox', 'Retry Outbox Lead', 'POST', `=/outbox/leads/${ID}/retry`],
  ['Outbox', 'Retry Outbox', 'POST', '=/outbox/retry'],
  ['Outbox', 'Forget Person', 'POST', '=/outbox/forget'],
]);
assert.deepEqual(fieldsOf(properties, 'Upsert Lead'), [
  'Prefer: string',
  'Idempotency-Key: string',
  'id: number',
  'email: string',
  'foreignSysPersonId: string',
  'foreignSysType: options',
  'marketoCookie: string',
  'attributes: json',
  'attributeList: json',
  'returnLead: boolean',
  'workspace: string',
]);
for (const operation of ['Get Health', 'Get Readiness', 'Get Status', 'Get Metrics'])
  assert.deepEqual(fieldsOf(properties, operation), []);
process.stdout.write('17 operations, 11 fields of a lead\n');

/** The value of an n8n expression: code between ={{ and }}. */
function evaluate(expression, $value) {
  return runInNewContext(expression.replace(/^=\{\{(.*)\}\}$/s, '$1'), { $value });
}

/** What the node sends: every field it shows, as it was filled in or as it began (n8n's declarative style). */
function requestOf(node, operation, filledIn) {
  const shown = node.filter(({ displayOptions }) => displayOptions?.show.operation?.includes(operation));
  const body = {};
  const query = new URLSearchParams();
  const headers = { 'content-type': 'application/json' };
  for (const { name, default: beginning, routing } of shown.filter((field) => field.routing)) {
    const value = filledIn[name] ?? beginning;
    if (routing.send?.type === 'query')
      query.append(routing.send.property, evaluate(routing.send.value, value));
    else if (routing.send) body[routing.send.property] = evaluate(routing.send.value, value);
    for (const [header, given] of Object.entries(routing.request?.headers ?? {}))
      headers[header] = evaluate(given, value);
  }
  return { query, method: 'PUT', headers, body: JSON.stringify(body) };
}

/** Fields start with the examples of the document. A node has to empty them and leave out empty ones. */
const emptied = build(
  Object.keys(document.components.schemas.Lead.properties).map((property) => ({
    find: { name: property },
    replace: {
      default: '',
      routing: {
        send: {
          type: 'body',
          property,
          propertyInDotNotation: false,
          value: `={{ $value === '' ? undefined : ${property.startsWith('attribute') ? 'JSON.parse($value)' : '$value'} }}`,
        },
      },
    },
  })),
);

const gateway = await startDemo();
try {
  const put = (node, filledIn) => {
    const { query, ...request } = requestOf(node, 'Upsert Lead', filledIn);
    return fetch(`${gateway.url}/leads?${query}`, request);
  };
  const untouched = await put(properties, {});
  assert.equal(untouched.status, 200, 'an untouched form writes the lead of the examples');
  const lead = { email: 'n8n@example.com', attributeList: '[{ "name": "FirstName", "value": "Jane" }]' };
  const created = await put(emptied, lead);
  assert.equal(created.status, 201);
  const updated = await put(emptied, { ...lead, returnLead: true });
  assert.equal(updated.status, 200);
  assert.deepEqual((await updated.json()).lead.attributeList, [{ name: 'FirstName', value: 'Jane' }]);
  process.stdout.write('The node creates a lead and updates it.\n');
} finally {
  await gateway.stop();
}
