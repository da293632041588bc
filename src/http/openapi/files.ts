import { connectorIcon } from './icon.ts';
import { postmanCollection } from './postman.ts';
import { connectorDefinition, connectorProperties } from './power-platform.ts';
import type { Json } from './schemas.ts';
import { DOCUMENTS } from './served.ts';

/**
 * Every file that describes the API to a tool, by its path in the folder openapi.
 *
 * @param server where the API is, as an absolute URL; when left out, an example that whoever imports a file replaces
 */
export function openApiFiles(version: string, server?: string): ReadonlyMap<string, string | Uint8Array> {
  return new Map<string, string | Uint8Array>([
    ...Object.entries(DOCUMENTS).map(
      ([path, write]) => [path.slice(1), text(write(version, server))] as const,
    ),
    ['power-platform/apiDefinition.swagger.json', text(connectorDefinition(version, server))],
    ['power-platform/apiProperties.json', text(connectorProperties())],
    ['power-platform/icon.png', connectorIcon()],
    ['postman/lead-gateway.postman_collection.json', text(postmanCollection(version, server))],
  ]);
}

function text(document: Json): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
