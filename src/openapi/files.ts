import { connectorIcon } from './icon.ts';
import { postmanCollection } from './postman.ts';
import { connectorDefinition, connectorProperties } from './power-platform.ts';
import type { Json } from './schemas.ts';
import { DOCUMENTS } from '../http/ops/serve-documents.ts';

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
    ['power-platform/apiDefinition.swagger.json', text(connectorDefinition(version, server), 4)],
    ['power-platform/apiProperties.json', text(connectorProperties(), 4)],
    ['power-platform/icon.png', connectorIcon()],
    ['postman/lead-gateway.postman_collection.json', text(postmanCollection(version, server))],
  ]);
}

/** @param indent Microsoft's "Coding standards" want four blanks in the files of a connector */
function text(document: Json, indent = 2): string {
  return `${JSON.stringify(document, null, indent)}\n`;
}
