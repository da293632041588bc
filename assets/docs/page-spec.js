/** The initial example: a short lead that creates a person. */
const FIRST_LEAD = {
  summary: 'By email address, with attributes',
  value: { email: 'jane@example.com', attributes: { FirstName: 'Jane', LeadScore: 62 } },
};

/** The OpenAPI document for this page: with its own server, and with a form that can be sent unchanged. */
export function pageSpec(spec, url) {
  const paths = Object.fromEntries(
    Object.entries(spec.paths).map(([path, item]) => [
      path,
      Object.fromEntries(
        Object.entries(item).map(([method, operation]) => [method, pageOperation(path, operation)]),
      ),
    ]),
  );
  return { ...spec, servers: [{ url }], paths };
}

function pageOperation(path, operation) {
  const { parameters, requestBody } = operation;
  const changed = { ...operation };
  // Swagger UI would fill in the examples of optional headers.
  if (parameters) {
    changed.parameters = parameters.map(({ example, ...parameter }) =>
      parameter.in === 'header' && !parameter.required ? parameter : { ...parameter, example },
    );
  }
  const json = requestBody?.content?.['application/json'];
  if (path === '/leads' && json) {
    const examples = { firstLead: FIRST_LEAD, ...json.examples };
    const content = { ...requestBody.content, 'application/json': { ...json, examples } };
    changed.requestBody = { ...requestBody, content };
  }
  return changed;
}

/** The first operation with a body: the gateway's main one. */
export function firstForm(spec) {
  for (const item of Object.values(spec.paths))
    for (const { requestBody, tags, operationId } of Object.values(item))
      if (requestBody) return { tag: tags[0], operationId };
  return undefined;
}
