import { STATUS_EXAMPLE } from '../../src/http/ops/status-schema.ts';
import { randomBytes } from 'node:crypto';
import { createMemoryLimiter } from '../../src/access/rate-limiter.ts';
import { type HttpServer, startHttpServer } from '../../src/http-server/server.ts';
import { createApp, type AppDeps } from '../../src/http/app.ts';
import { createAccess, type AccessDeps } from '../../src/http/authenticate.ts';
import { createUniformResponses } from '../../src/http/leads/uniform-response.ts';
import { createRandomDigits } from '../../src/http/request-context.ts';
import { GatewayError } from '../../src/leads/errors.ts';
import type { LeadDirectory, UpsertContext, UpsertLead, UpsertResult } from '../../src/leads/lead.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { prepareDocument } from '../../src/openapi/served.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { record } from './recordings.ts';
import { atEnd } from './lasting.ts';

/** The REST side on a real socket, in front of a directory from the test; ends with the test. */
export async function startApp(deps: { [Name in keyof AppDeps]?: AppDeps[Name] } = {}) {
  const logLines: string[] = [];
  const keep = (line: string) => {
    logLines.push(line);
    record(line);
  };
  let ids = 0;
  const metrics = createMetrics();
  const app = createApp({
    directory: directoryThat(() => ({ leadId: 1, status: 'UPDATED' })),
    finder: { find: async () => [] },
    access: testAccess(),
    clock: systemClock,
    uniformResponses: createUniformResponses(systemClock, 500),
    unreadiness: () => [],
    status: async () => STATUS_EXAMPLE,
    metrics,
    count: metrics.request,
    logger: createLogger({ level: 'debug', destination: { write: keep } }),
    newRequestId: () => `request-${(ids += 1)}`,
    randomDigits: createRandomDigits(randomBytes),
    prepareDocument: async (path, version) => prepareDocument(path, version),
    version: '1.2.3',
    sandbox: true,
    listensAt: () => server.url,
    ...deps,
  });
  const server: HttpServer = await startHttpServer(app, {
    host: '127.0.0.1',
    port: 0,
    newRequestId: () => 'new-id',
  });
  atEnd(() => server.close(0));
  return {
    ...server,
    logLines,
    log: () => logLines.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

/** Access for every caller, except for what the test changes. */
export function testAccess(deps: Partial<AccessDeps> = {}) {
  return createAccess({
    keys: null,
    verifyToken: null,
    corsOrigins: [],
    authFailuresPerMinute: 1000,
    limiter: createMemoryLimiter(),
    now: Date.now,
    ...deps,
  });
}

/** A directory that handles every lead as the test says. */
export function directoryThat(
  upsert: (command: UpsertLead, context: UpsertContext) => UpsertResult | Promise<UpsertResult>,
): LeadDirectory {
  return { upsert: async (command, context) => upsert(command, context) };
}

/** A directory for leads that must be refused before they reach it. */
export const unreachable: LeadDirectory = directoryThat(() => {
  throw new GatewayError('internal-error', { detail: 'the lead should not have come this far' });
});
