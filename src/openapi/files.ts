import { readFileSync } from 'node:fs';
import { postmanCollection } from './postman.ts';
import { connectorDefinition, connectorProperties } from './power-platform.ts';
import type { DocumentPath } from '../http/ops/routes.ts';
import type { Json } from './schemas.ts';
import { buildOpenApi } from './document.ts';
import { buildSwagger } from './swagger-2.ts';

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
