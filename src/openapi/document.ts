import { readFileSync } from 'node:fs';
import {
  BEARER_NOTE,
  DESCRIPTION,
  KEY_NOTE,
  LICENSE_URL,
  type Operation,
  OPERATIONS,
  SUMMARY,
  TAGS,
  TITLE,
} from './operations.ts';
import { OPENAPI_3_0, OPENAPI_3_1 } from './dialects.ts';
import {
  describeSchemas,
  type Dialect,
  type Headers,
  HEADERS,
  type Json,
  METHOD_NOT_ALLOWED,
  placeAt,
  type ResponseModel,
  responsesOf,
  schemaRef,
} from './responses.ts';
import { postmanCollection } from './postman.ts';
import { connectorDefinition, connectorProperties } from './power-platform.ts';
import type { DocumentPath } from '../http/ops/routes.ts';
import { buildSwagger } from './swagger-2.ts';

/** 3.1 uses JSON Schema and can name a licence by its SPDX identifier; 3.0 can do neither. */
const EDITIONS = {
  '3.1': { openapi: '3.1.0', dialect: OPENAPI_3_1 },
  '3.0': { openapi: '3.0.3', dialect: OPENAPI_3_0 },
} as const satisfies Record<string, { readonly openapi: string; readonly dialect: Dialect }>;

type Options = {
  readonly edition?: keyof typeof EDITIONS;
  /** The absolute URL of the API, without a trailing slash; by default the server that the document comes from. */
  readonly server?: string | undefined;
};

/** Builds the OpenAPI document for a version of the gateway; deterministic. */
export function buildOpenApi(version: string, { edition = '3.1', server }: Options = {}): Json {
  const { openapi, dialect } = EDITIONS[edition];
  const document = {
    openapi,
    info: {
      title: TITLE,
      version,
      ...(edition === '3.1' && { summary: SUMMARY }),
      description: DESCRIPTION,
      license: { name: 'MIT', ...(edition === '3.1' ? { identifier: 'MIT' } : { url: LICENSE_URL }) },
    },
    servers: [{ url: server ?? '/', description: 'The gateway that serves this document.' }],
    security: [],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: describePaths(dialect),
    components: {
      securitySchemes: SECURITY_SCHEMES,
      schemas: describeSchemas(OPERATIONS, dialect),
      headers: HEADERS,
      responses: { MethodNotAllowed: describeResponse(METHOD_NOT_ALLOWED, dialect) },
    },
  };
  return server === undefined ? document : placeAt(document, server);
}

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: BEARER_NOTE },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: KEY_NOTE },
};

/** Either of them, or none on a gateway without authentication. */
const SECURITY = [{ bearer: [] }, { apiKey: [] }, {}];

function describePaths(dialect: Dialect): Json {
  const paths: Record<string, Json> = {};
  for (const operation of OPERATIONS)
    (paths[operation.path] ??= {})[operation.method] = describeOperation(operation, dialect);
  return paths;
}

function describeOperation(operation: Operation, dialect: Dialect): Json {
  const { operationId, tag, summary, description, parameters = [], request } = operation;
  return {
    operationId,
    tags: [tag],
    summary,
    description,
    ...(parameters.length > 0 && {
      parameters: parameters.map(
        ({ name, in: place, description: words, schema = { type: 'string' }, example }) => ({
          name,
          in: place,
          description: words,
          required: place === 'path',
          schema,
          example,
        }),
      ),
    }),
    ...(request && {
      requestBody: {
        description: request.description,
        required: true,
        content: {
          'application/json': { schema: schemaRef(request.schema, dialect), examples: request.examples },
          ...describeOthers(request.others, dialect),
        },
      },
    }),
    ...(operation.needsCaller === true && { security: SECURITY }),
    responses: Object.fromEntries(
      responsesOf(operation).map((response) => [
        response.status,
        response === METHOD_NOT_ALLOWED
          ? { $ref: '#/components/responses/MethodNotAllowed' }
          : describeResponse(response, dialect),
      ]),
    ),
  };
}

type Others = NonNullable<NonNullable<Operation['request']>['others']>;

/** The same content in other media types. */
function describeOthers(others: Others = {}, dialect: Dialect): Json {
  return Object.fromEntries(
    Object.entries(others).map(([mediaType, schema]) => [mediaType, { schema: schemaRef(schema, dialect) }]),
  );
}

function describeResponse({ description, headers, body }: ResponseModel, dialect: Dialect): Json {
  return {
    description,
    headers: headerRefs(headers),
    ...(body && {
      content: {
        ...Object.fromEntries(
          body.mediaTypes.map((mediaType, at) => [
            mediaType,
            {
              schema: schemaRef(body.schema, dialect),
              ...(at === 0 && Object.keys(body.examples).length > 0 && { examples: body.examples }),
            },
          ]),
        ),
        ...describeOthers(body.others, dialect),
      },
    }),
  };
}

function headerRefs(headers: Headers): Json {
  return Object.fromEntries(
    Object.entries(headers).map(([name, component]) => [name, { $ref: `#/components/headers/${component}` }]),
  );
}

/** The documents a gateway serves, by their paths. */
export const DOCUMENTS: Readonly<Record<DocumentPath, (version: string, server?: string) => Json>> = {
  '/openapi.json': (version, server) => buildOpenApi(version, { server }),
  '/openapi-3.0.json': (version, server) => buildOpenApi(version, { edition: '3.0', server }),
  '/swagger.json': (version, server) => buildSwagger(version, { server }),
};

/** 230 × 230 pixels on the brand colour that the connector's properties name. */
const ICON = new URL('../../assets/power-platform/icon.png', import.meta.url);

/**
 * Every file that describes the API to a tool, by its path in the folder openapi.
 *
 * @param server absolute URL of the API; by default an example URL to be replaced after the import
 */
export function openApiFiles(version: string, server?: string): ReadonlyMap<string, string | Uint8Array> {
  return new Map<string, string | Uint8Array>([
    ...Object.entries(DOCUMENTS).map(
      ([path, write]) => [path.slice(1), text(write(version, server))] as const,
    ),
    ['power-platform/apiDefinition.swagger.json', text(connectorDefinition(version, server), 4)],
    ['power-platform/apiProperties.json', text(connectorProperties(), 4)],
    ['power-platform/icon.png', readFileSync(ICON)],
    ['postman/lead-gateway.postman_collection.json', text(postmanCollection(version, server))],
  ]);
}

/** @param indent four spaces in the files of a connector (Microsoft's "Coding standards") */
function text(document: Json, indent = 2): string {
  return `${JSON.stringify(document, null, indent)}\n`;
}
