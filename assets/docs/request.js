/** The request that an operation's form would currently send, for the code samples. */

/** Stands for the key in a copied sample if the gateway requires one and none is entered. */
const PLACEHOLDER = ['Authorization', 'Bearer YOUR_KEY'];

const plainSpecs = new WeakMap();

function plainSpec(specSelectors) {
  const spec = specSelectors.specJsonWithResolvedSubtrees();
  if (!plainSpecs.has(spec)) plainSpecs.set(spec, spec.toJS());
  return plainSpecs.get(spec);
}

/** `{ method, url, headers, body? }`, built by Swagger UI as for Execute; null while the form is incomplete. */
export function requestOf(system, path, method, needsKey) {
  const { specSelectors, oas3Selectors, authSelectors, fn } = system;
  const spec = plainSpec(specSelectors);
  const operation = spec.paths[path][method];
  let built;
  try {
    built = fn.buildRequest({
      spec,
      pathName: path,
      method,
      operationId: operation.operationId,
      parameters: specSelectors.parameterValues([path, method]).toJS(),
      securities: {
        authorized: authSelectors.authorized()?.toJS(),
        definitions: specSelectors.securityDefinitions()?.toJS(),
        specSecurity: specSelectors.security()?.toJS(),
      },
      server: oas3Selectors.selectedServer(),
      requestContentType: oas3Selectors.requestContentType(path, method),
      requestBody: oas3Selectors.requestBodyValue(path, method) ?? firstExample(operation),
    });
  } catch {
    // A path parameter is missing.
    return null;
  }
  const headers = Object.entries(built.headers).filter(([name]) => name.toLowerCase() !== 'accept');
  const hasKey = headers.some(([name]) => /^(?:authorization|x-api-key)$/i.test(name));
  if (needsKey && !hasKey && operation.security?.length > 0) headers.unshift(PLACEHOLDER);
  const body = typeof built.body === 'string' ? { body: built.body } : {};
  return { method: built.method.toUpperCase(), url: built.url, headers, ...body };
}

function firstExample({ requestBody }) {
  const [content] = Object.values(requestBody?.content ?? {});
  const [example] = Object.values(content?.examples ?? {});
  return example === undefined ? undefined : JSON.stringify(example.value, null, 2);
}
