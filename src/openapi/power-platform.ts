import { OPERATIONS } from './operations.ts';
import { BRAND_COLOR } from './icon.ts';
import type { Json } from './schemas.ts';
import { buildSwagger } from './swagger-2.ts';
import { KEY_NOTE, SHORT_DESCRIPTION } from './texts.ts';

/** The connection parameter, and the security definition of the same name that uses it. */
const KEY = 'api_key';
/** What a flow does; the rest of the API is for operators and for readers. */
const ACTIONS = OPERATIONS.filter(({ operationId }) => operationId === 'upsertLead');

/** The only type of our bodies that the platform knows; a problem document is read as one of these. */
const JSON_TYPE = 'application/json';
/** Formats the platform's own schema of definitions knows; another one is an error there. */
const FORMATS = new Set(['int32', 'int64', 'float', 'double', 'byte', 'binary', 'date', 'date-time', 'uri']);

/**
 * `apiDefinition.swagger.json`, from which Power Automate and Power Apps make a custom connector: the actions of the
 * Swagger 2.0 document, with one way to authenticate, which the connection asks for. In the order, the types and the
 * names that Microsoft's "Coding standards" and "Fix Swagger Validator errors" ask for.
 */
export function connectorDefinition(version: string, server?: string): Json {
  const { swagger, info, host, basePath, schemes, tags, paths, definitions } = buildSwagger(version, {
    server,
    operations: ACTIONS,
  });
  return {
    swagger,
    info: { ...(info as Json), title: 'Lead Gateway', description: SHORT_DESCRIPTION },
    host,
    basePath,
    schemes,
    consumes: [JSON_TYPE],
    produces: [JSON_TYPE],
    paths: Object.fromEntries(
      Object.entries(paths as Record<string, Record<string, Json>>).map(([path, methods]) => [
        path,
        Object.fromEntries(
          Object.entries(methods).map(([method, operation]) => [method, asAction(operation)]),
        ),
      ]),
    ),
    definitions: withKnownFormats(definitions as Json),
    securityDefinitions: {
      [KEY]: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: KEY_NOTE },
    },
    security: [{ [KEY]: [] }],
    tags,
  };
}

/**
 * An action has the security of the document. A flow never sees 405: the connector knows the method. What is left is
 * marked as what a maker should see first.
 */
function asAction({ security: _security, operationId, responses, ...operation }: Json): Json {
  const { 405: _never, ...seen } = responses as Record<string, Json>;
  return {
    ...operation,
    operationId: String(operationId).replace(/^./, (letter) => letter.toUpperCase()),
    produces: [JSON_TYPE],
    'x-ms-visibility': 'important',
    responses: Object.fromEntries(
      Object.entries(seen).map(([status, response]) => [status, withProducedExamples(response)]),
    ),
  };
}

/** An example has to be of a type the operation produces; a problem may come as plain JSON as well. */
function withProducedExamples({ examples, ...response }: Json): Json {
  const [example] = Object.values((examples ?? {}) as Json);
  return { ...response, ...(example !== undefined && { examples: { [JSON_TYPE]: example } }) };
}

function withKnownFormats(definitions: Json): Json {
  const text = JSON.stringify(definitions, (key, value: unknown) =>
    key === 'format' && typeof value === 'string' && !FORMATS.has(value) ? undefined : value,
  );
  return JSON.parse(text) as Json;
}

/** `apiProperties.json`: what the connection asks for, and how the connector looks. */
export function connectorProperties(): Json {
  return {
    properties: {
      connectionParameters: {
        [KEY]: {
          type: 'securestring',
          uiDefinition: {
            displayName: 'Key',
            description: `The key of the gateway. ${KEY_NOTE}`,
            tooltip: 'Whoever runs the gateway makes a key with: lead-gateway keys create',
            constraints: { tabIndex: 2, clearText: false, required: 'true' },
          },
        },
      },
      iconBrandColor: BRAND_COLOR,
      capabilities: [],
      publisher: 'Lead Gateway',
      stackOwner: 'Marketo',
    },
  };
}
