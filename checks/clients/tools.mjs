// Tools that make something other than a typed client of the committed documents: a GraphQL schema, tools for language
// models, a validating server, a client at run time, a collection of requests. With each a lead is created, and one without
// a key is refused: by the gateway, whose problem has to come through whole, or by the tool itself, which has to say where.
//   node checks/clients/tools.mjs <folder with the tools in node_modules>
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { startDemo } from '../processes.mjs';

const [folder] = process.argv.slice(2);
assert.ok(folder, 'the first argument is a folder with the tools');
const tools = resolve(folder);
const require = createRequire(join(tools, 'package.json'));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const run = promisify(execFile);

const DOCUMENTS = ['openapi.json', 'openapi-3.0.json', 'swagger.json'];
const at = (name) => resolve('openapi', name);
const read = (name) => JSON.parse(readFileSync(at(name), 'utf8'));

const gateway = await startDemo();
let count = 0;
/** An address that no lead has yet. */
const email = () => `tool.${process.pid}.${(count += 1)}@example.com`;

function checkRefusal(status, problem) {
  assert.equal(status, 422);
  assert.equal(problem.type, `${gateway.url}/problems/validation-failed`);
  assert.equal(problem.errors[0].pointer, '#');
  assert.equal(problem.retryable, false);
}

async function graphqlMesh(name) {
  const { loadGraphQLSchemaFromOpenAPI } = await load('@omnigraph/openapi');
  const { graphql } = await load('graphql');
  const schema = await loadGraphQLSchemaFromOpenAPI('gateway', {
    source: at(name),
    endpoint: gateway.url,
    cwd: process.cwd(),
  });
  const upsert = (lead) =>
    graphql({
      schema,
      source: `mutation ($lead: Lead_Input) {
        upsertLead(input: $lead) { ... on UpsertResult { leadId outcome: status } ... on Problem { type status retryable errors { pointer } } }
      }`,
      variableValues: { lead },
    });
  const created = await upsert({ email: email() });
  assert.deepEqual(created.errors, undefined);
  assert.equal(created.data.upsertLead.outcome, 'CREATED');
  const refused = await upsert({ returnLead: true });
  const problem = refused.data?.upsertLead ?? refused.errors?.[0]?.extensions;
  checkRefusal(problem.status, problem);
}

/** Each operation of a document, as its method and path. */
function operationsIn({ paths }) {
  return Object.entries(paths)
    .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
    .toSorted();
}

async function samchonOpenApi(name) {
  const { HttpLlm, OpenApi } = await load('@samchon/openapi');
  const { functions, errors } = HttpLlm.application({ document: OpenApi.convert(read(name)), config: {} });
  assert.deepEqual(errors, []);
  assert.deepEqual(
    functions.map(({ method, path }) => `${method} ${path}`).toSorted(),
    operationsIn(read(name)),
  );
  const upsert = functions.find(({ method, path }) => method === 'put' && path === '/leads');
  // It reads plain JSON alone.
  const call = async (body) => {
    const validation = upsert.validate({ body });
    assert.equal(validation.success, true, JSON.stringify(validation));
    return HttpLlm.propagate({
      connection: { host: gateway.url, headers: { accept: 'application/json' } },
      application: { functions },
      function: upsert,
      input: { body },
    });
  };
  const created = await call({ email: email(), attributes: { FirstName: 'Jane', MiddleName: null } });
  assert.equal(created.status, 201);
  const refused = await call({ attributes: { FirstName: 'Jane' } });
  checkRefusal(refused.status, refused.body);
  const wrong = upsert.validate({ body: { email: 17 } });
  assert.equal(wrong.success, false);
  assert.match(wrong.errors[0].path, /email/);
}

/** A server that checks each request by the document, hands on what is valid, and checks what comes back. */
async function openapiBackend(name) {
  const { OpenAPIBackend } = await load('openapi-backend');
  const formats = await load('ajv-formats');
  const api = new OpenAPIBackend({
    definition: at(name),
    ajvOpts: { strict: false },
    customizeAjv: (ajv) => (formats.default.default ?? formats.default)(ajv),
    handlers: {
      upsertLead: async ({ request }) => {
        const answer = await fetch(gateway.url + request.path, {
          method: request.method,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(request.body),
        });
        return { status: answer.status, body: await answer.json() };
      },
      validationFail: ({ validation }) => ({ invalid: validation.errors }),
      postResponseHandler: ({ response, operation }) => {
        if (response.invalid) return response;
        const { errors } = api.validateResponse(response.body, operation, response.status);
        assert.deepEqual(errors ?? [], []);
        return response;
      },
    },
  });
  await api.init();
  const put = (body) =>
    api.handleRequest({
      method: 'PUT',
      path: '/leads',
      headers: { 'content-type': 'application/json' },
      body,
    });
  const created = await put({
    email: email(),
    attributes: { MiddleName: null, LeadScore: 62 },
    workspace: null,
  });
  assert.equal(created.status, 201, JSON.stringify(created));
  const wrong = await put({ email: email(), attributes: { FirstName: ['Jane'] } });
  assert.match(wrong.invalid[0].instancePath, /attributes\/FirstName/);
  // The rule that binds the keys to each other is in 3.1 only.
  const refused = await put({ attributes: { FirstName: 'Jane' } });
  if (refused.invalid === undefined) checkRefusal(refused.status, refused.body);
}

async function openapiClientAxios(name) {
  const { OpenAPIClientAxios } = await load('openapi-client-axios');
  const api = new OpenAPIClientAxios({ definition: read(name), withServer: { url: gateway.url } });
  const client = await api.init();
  const created = await client.upsertLead(null, { email: email(), attributes: { FirstName: 'Jane' } });
  assert.equal(created.status, 201);
  assert.equal(created.data.status, 'CREATED');
  const refused = await client
    .upsertLead(null, { attributes: { FirstName: 'Jane' } })
    .catch(({ response }) => response);
  checkRefusal(refused.status, refused.data);
}

/** Bruno's importer writes a request an operation, with a body it composes; as it stands it is taken. */
async function bruno(name) {
  const { openApiToBruno } = require('@usebruno/converters');
  const requests = (items) => items.flatMap((item) => (item.items ? requests(item.items) : [item.request]));
  const found = requests(openApiToBruno(read(name)).items);
  assert.equal(found.length, operationsIn(read(name)).length);
  const send = async ({ method, url, body }, json = body.json) => {
    const answer = await fetch(url.replace('{{baseUrl}}', gateway.url), {
      method,
      ...(body.mode === 'json' && { body: json, headers: { 'content-type': 'application/json' } }),
    });
    return { status: answer.status, text: await answer.text() };
  };
  // The others need the id of something, or an outbox.
  const ready = [
    'PUT /leads',
    'GET /leads/fields',
    'GET /healthz',
    'GET /readyz',
    'GET /status',
    'GET /metrics',
  ];
  const isReady = ({ method, url }) => ready.includes(`${method} ${url.replace('{{baseUrl}}', '')}`);
  assert.equal(found.filter(isReady).length, ready.length);
  for (const request of found.filter(isReady)) {
    const { status, text } = await send(request);
    assert.ok(status === 200 || status === 201, `${request.method} ${request.url}: ${status} ${text}`);
  }
  const upsert = found.find(({ method, url }) => method === 'PUT' && url.endsWith('/leads'));
  const refused = await send(upsert, '{}');
  checkRefusal(refused.status, JSON.parse(refused.text));
}

/** Its rules are IBM's taste in APIs; that it reads the document to the end is what counts here. */
async function ibmValidator(name) {
  const bin = join(tools, 'node_modules', '.bin', 'lint-openapi');
  const { stdout } = await run(bin, ['--json', at(name)], { maxBuffer: 1e8 }).catch((error) => error);
  const { error, warning } = JSON.parse(stdout.slice(stdout.indexOf('{')));
  const broken = [...error.results, ...warning.results].filter(({ rule }) => SYNTAX.test(rule));
  assert.deepEqual(broken, []);
}
const SYNTAX =
  /^oas[23]-(?:schema|valid)|-valid-(?:schema|media)-example|unused-components|^ibm-define-required/;

const USES = [
  { name: 'GraphQL Mesh (@omnigraph/openapi)', use: graphqlMesh, documents: DOCUMENTS.slice(0, 2) },
  { name: '@samchon/openapi', use: samchonOpenApi, documents: DOCUMENTS },
  { name: 'openapi-backend', use: openapiBackend, documents: ['openapi-3.0.json'] },
  { name: 'openapi-client-axios', use: openapiClientAxios, documents: DOCUMENTS.slice(0, 2) },
  { name: '@usebruno/converters', use: bruno, documents: DOCUMENTS.slice(0, 2) },
  { name: 'ibm-openapi-validator', use: ibmValidator, documents: DOCUMENTS.slice(0, 2) },
];

try {
  for (const { name, use, documents } of USES) {
    for (const document of documents) {
      await use(document).catch((cause) => {
        throw new Error(`${name}, ${document}`, { cause });
      });
      process.stdout.write(`${name}, ${document}: fine\n`);
    }
  }
} finally {
  await gateway.stop();
}
process.exit();
