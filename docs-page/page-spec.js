/** What the page's form begins with: a short lead that creates a person. */
const FIRST_LEAD = {
  summary: 'By email address, with attributes',
  value: { email: 'jane@example.com', attributes: { FirstName: 'Jane', LeadScore: 62 } },
};

/** The description of the API as the page needs it: for its own server, with a form that can be sent as it is. */
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
  // An example would be filled in; what may be left out is left out until somebody wants it.
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

/** The first operation that takes a body, which is what the gateway is for. */
export function firstForm(spec) {
  for (const item of Object.values(spec.paths))
    for (const { requestBody, tags, operationId } of Object.values(item))
      if (requestBody) return { tag: tags[0], operationId };
  return undefined;
}
