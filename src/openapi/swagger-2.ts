import {
  BEARER_NOTE,
  EXAMPLE_SERVER,
  KEY_NOTE,
  LICENSE_URL,
  type Operation,
  OPERATIONS,
  SHORT_DESCRIPTION,
  TAGS,
  TITLE,
} from './operations.ts';
import { caption, SWAGGER_2_0 } from './dialects.ts';
import {
  describeSchemas,
  type Headers,
  HEADERS,
  type Json,
  METHOD_NOT_ALLOWED,
  placeAt,
  type ResponseModel,
  responsesOf,
  schemaRef,
} from './responses.ts';

type Options = {
  /** The absolute URL of the API. */
  readonly server?: string | undefined;
  readonly operations?: readonly Operation[];
};

/** Builds the Swagger 2.0 document, with the extensions of Power Automate and Power Apps. */
export function buildSwagger(version: string, options: Options = {}): Json {
  const { server = EXAMPLE_SERVER, operations = OPERATIONS } = options;
  const { protocol, host, pathname } = new URL(server);
  const used = new Set(operations.map(({ tag }) => tag));
  const document = {
    swagger: '2.0',
    info: {
      title: TITLE,
      version,
      description: SHORT_DESCRIPTION,
      license: { name: 'MIT', url: LICENSE_URL },
    },
    host,
    basePath: pathname,
    schemes: [protocol.slice(0, -1)],
    consumes: ['application/json'],
    produces: ['application/json', 'application/problem+json'],
    securityDefinitions: {
      apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: KEY_NOTE },
      bearer: {
        type: 'apiKey',
        in: 'header',
        name: 'Authorization',
        description: `The word Bearer, a space, then: ${BEARER_NOTE}`,
      },
    },
    security: [],
    tags: Object.entries(TAGS)
      .filter(([name]) => used.has(name as Operation['tag']))
      .map(([name, description]) => ({ name, description })),
    paths: describePaths(operations),
    definitions: describeSchemas(operations, SWAGGER_2_0),
    responses: { MethodNotAllowed: describeResponse(METHOD_NOT_ALLOWED) },
  };
  return placeAt(document, server);
}

/** Either of them, or none on a gateway without authentication. */
const SECURITY = [{ apiKey: [] }, { bearer: [] }, {}];

function describePaths(operations: readonly Operation[]): Json {
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    (paths[operation.path] ??= {})[operation.method] = describeOperation(operation);
  }
  return paths;
}

function describeOperation(operation: Operation): Json {
  const { operationId, tag, summary, description, parameters = [], request } = operation;
  const responses = responsesOf(operation);
  const mediaTypes = new Set(responses.flatMap(({ body }) => body?.mediaTypes ?? []));
  return {
    operationId,
    tags: [tag],
    summary,
    description,
    ...(operation.isRepeated === true && { 'x-ms-visibility': 'internal' }),
    produces: [...mediaTypes],
    ...(request && { consumes: ['application/json'] }),
    ...((parameters.length > 0 || request) && {
      parameters: [
        ...parameters.map(
          ({ name, in: place, description: words, schema = { type: 'string' }, title, visibility }) => ({
            name,
            in: place,
            description: words,
            required: place === 'path',
            ...schema,
            'x-ms-summary': title ?? caption(name),
            'x-ms-visibility': visibility ?? (place === 'path' ? 'important' : 'advanced'),
          }),
        ),
        ...(request ? [describeBody(request, operation.path === '/leads' ? 'lead' : 'body')] : []),
      ],
    }),
    ...(operation.needsCaller === true && { security: SECURITY }),
    responses: Object.fromEntries(
      responses.map((response) => [
        response.status,
        response === METHOD_NOT_ALLOWED
          ? { $ref: '#/responses/MethodNotAllowed' }
          : describeResponse(response),
      ]),
    ),
  };
}

/** @param name what generated code and screens call it */
function describeBody({ schema, description }: NonNullable<Operation['request']>, name: string): Json {
  return {
    name,
    in: 'body',
    required: true,
    description,
    'x-ms-summary': caption(name),
    schema: schemaRef(schema, SWAGGER_2_0),
  };
}

function describeResponse({ description, headers, body }: ResponseModel): Json {
  // Swagger 2.0 allows one example per media type.
  const [example] = Object.values(body?.examples ?? {});
  return {
    description,
    headers: describeHeaders(headers),
    ...(body && { schema: schemaRef(body.schema, SWAGGER_2_0) }),
    ...(body && example !== undefined && { examples: { [body.mediaTypes[0]]: example.value } }),
  };
}

function describeHeaders(headers: Headers): Json {
  return Object.fromEntries(
    Object.entries(headers).map(([name, component]) => {
      const { description, schema } = HEADERS[component];
      return [name, { ...schema, description }];
    }),
  );
}
