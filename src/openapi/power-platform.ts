import { KEY_NOTE, OPERATIONS, SHORT_DESCRIPTION } from './operations.ts';
import type { Json } from './responses.ts';
import { buildSwagger } from './swagger-2.ts';

/** The background of the icon, as certification demands. */
const BRAND_COLOR = '#3b5998';

/** The connection parameter, and the security definition of the same name that uses it. */
const KEY = 'api_key';
/** Fills the list that makers choose a field from. */
const FIELDS = 'listFields';
/** The operations that a flow needs; the others are for operators. */
const ACTIONS = OPERATIONS.filter(({ operationId }) =>
  ['upsertLead', 'findLeads', 'getReceipt', FIELDS].includes(operationId),
);

/** The only media type of ours that the platform knows; it reads problem documents as JSON, too. */
const JSON_TYPE = 'application/json';
/** The formats in the platform's schema of definitions; it rejects any other. */
const FORMATS = new Set(['int32', 'int64', 'float', 'double', 'byte', 'binary', 'date', 'date-time', 'uri']);

/**
 * `apiDefinition.swagger.json`, which Power Automate and Power Apps import as a custom connector: the actions of the
 * Swagger 2.0 document with one way to authenticate. Order, types and names follow Microsoft's "Coding standards" and
 * "Fix Swagger Validator errors".
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
    definitions: withFieldList(withKnownFormats(definitions as Json)),
    securityDefinitions: {
      [KEY]: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: KEY_NOTE },
    },
    security: [{ [KEY]: [] }],
    tags,
  };
}

/**
 * An action has the security of the document. A flow never sees 405 and 304: the connector knows the method and sends no
 * conditions. What is left is marked as what a maker should see first.
 */
function asAction({ security: _security, operationId, responses, parameters, ...operation }: Json): Json {
  const { 304: _unasked, 405: _never, ...seen } = responses as Record<string, Json>;
  const sent = (parameters as Json[] | undefined)?.filter(({ name }) => name !== 'If-None-Match');
  return {
    ...operation,
    ...(sent && { parameters: sent }),
    operationId: actionId(String(operationId)),
    produces: [JSON_TYPE],
    'x-ms-visibility': operationId === FIELDS ? 'internal' : 'important',
    responses: Object.fromEntries(
      Object.entries(seen).map(([status, response]) => [status, withProducedExamples(response)]),
    ),
  };
}

function actionId(operationId: string): string {
  return operationId.replace(/^./, (letter) => letter.toUpperCase());
}

/** Makers choose the name of an attribute from the fields that the key may write ("Use dynamic values"). */
function withFieldList(definitions: Json): Json {
  const { Attribute: attribute } = definitions as Record<
    string,
    { readonly properties: Record<string, Json> }
  >;
  if (attribute === undefined) return definitions;
  const { name, ...others } = attribute.properties;
  const choice = {
    operationId: actionId(FIELDS),
    'value-collection': 'fields',
    'value-path': 'name',
    'value-title': 'title',
    parameters: { readOnly: false },
  };
  const properties = { name: { ...name, 'x-ms-dynamic-values': choice }, ...others };
  return { ...definitions, Attribute: { ...attribute, properties } };
}

/** An example must be of a media type that the operation produces. */
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

/** `apiProperties.json`: the connection's parameter and the connector's looks. */
export function connectorProperties(): Json {
  return {
    properties: {
      connectionParameters: {
        [KEY]: {
          type: 'securestring',
          uiDefinition: {
            displayName: 'Key',
            description: `The key of the gateway. ${KEY_NOTE}`,
            tooltip: 'The operator of the gateway creates a key with: lead-gateway keys create',
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
