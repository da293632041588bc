import { OPERATIONS } from '../operations.ts';
import { BRAND_COLOR } from './icon.ts';
import type { Json } from './schemas.ts';
import { buildSwagger } from './swagger.ts';
import { KEY_NOTE, SHORT_DESCRIPTION } from './words.ts';

/** The connection parameter, and the security definition of the same name that uses it. */
const KEY = 'api_key';
/** What a flow does; the rest of the API is for operators and for readers. */
const ACTIONS = OPERATIONS.filter(({ operationId }) => operationId === 'upsertLead');

/**
 * `apiDefinition.swagger.json`, from which Power Automate and Power Apps make a custom connector: the actions of the
 * Swagger 2.0 document, with one way to authenticate, which the connection asks for.
 */
export function connectorDefinition(version: string, server?: string): Json {
  const document = buildSwagger(version, { server, operations: ACTIONS });
  const { responses: _shared, paths, ...rest } = document;
  return {
    ...rest,
    info: {
      ...(rest['info'] as Json),
      title: 'Lead Gateway',
      description: SHORT_DESCRIPTION,
    },
    securityDefinitions: { [KEY]: { type: 'apiKey', in: 'header', name: 'X-API-Key' } },
    security: [{ [KEY]: [] }],
    paths: Object.fromEntries(
      Object.entries(paths as Record<string, Record<string, Json>>).map(([path, methods]) => [
        path,
        Object.fromEntries(
          Object.entries(methods).map(([method, operation]) => [method, asAction(operation)]),
        ),
      ]),
    ),
  };
}

/**
 * An action has the security of the document. A flow never sees 405: the connector knows the method. What is left is
 * marked as what a maker should see first.
 */
function asAction({ security: _security, responses, ...operation }: Json): Json {
  const { 405: _never, ...seen } = responses as Record<string, Json>;
  return { ...operation, 'x-ms-visibility': 'important', responses: seen };
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
      publisher: 'lead-gateway',
      stackOwner: 'Marketo',
    },
  };
}
