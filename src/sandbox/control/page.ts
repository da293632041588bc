import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';

const FOLDER = new URL('../../../sandbox-page/', import.meta.url);

/** Path below `/_sandbox` → file and type. */
const FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/page.css': { file: 'page.css', type: 'text/css; charset=utf-8' },
  '/page.js': { file: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/openapi.json': { file: 'openapi.json', type: 'application/json' },
};

/** Everything from this server, nothing inline, nobody may frame it: a lead's values are foreign text. */
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
};

/** Sends a file of the page; false when there is none at that path. */
export type PageFiles = (path: string, response: ServerResponse) => boolean;

/** Reads the files when they are first asked for: most sandboxes run in tests and never show the page. */
export function createPageFiles(): PageFiles {
  const bodies = new Map<string, Buffer>();
  return (path, response) => {
    const entry = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
    if (!entry) return false;
    const body = bodies.get(entry.file) ?? readFileSync(new URL(entry.file, FOLDER));
    bodies.set(entry.file, body);
    response
      .writeHead(200, { ...HEADERS, 'Content-Type': entry.type, 'Content-Length': body.length })
      .end(body);
    return true;
  };
}

/** Tells open pages that something changed; what, they fetch themselves. */
export type ServerSentEvents = {
  /** Cheap while nobody listens; several changes within `gatherMs` are told as one. */
  changed(): void;
  /** Answers with an event stream that lasts until either side closes. */
  serve(request: IncomingMessage, response: ServerResponse): void;
  close(): void;
};

const HEARTBEAT_MS = 15_000;

export function createServerSentEvents(gatherMs = 100): ServerSentEvents {
  const listeners = new Set<ServerResponse>();
  let gathering: NodeJS.Timeout | undefined;

  const heartbeat = setInterval(() => tell(': still here\n\n'), HEARTBEAT_MS);
  heartbeat.unref();

  function tell(text: string): void {
    for (const listener of listeners) listener.write(text);
  }

  return {
    changed() {
      if (listeners.size === 0 || gathering) return;
      gathering = setTimeout(() => {
        gathering = undefined;
        tell('event: change\ndata: {}\n\n');
      }, gatherMs);
    },
    serve(_request, response) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      response.write('retry: 1000\n\n');
      listeners.add(response);
      response.on('close', () => listeners.delete(response));
    },
    close() {
      clearInterval(heartbeat);
      clearTimeout(gathering);
      for (const listener of listeners) listener.destroy();
    },
  };
}
