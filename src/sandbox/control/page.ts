import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Timers } from '../http-server.ts';

const FOLDER = new URL('../../../assets/sandbox/', import.meta.url);

/** Path below `/_sandbox` → file and type. */
const FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/page.css': { file: '../pages/base.css', type: 'text/css; charset=utf-8' },
  '/parts.js': { file: '../pages/parts.js', type: 'text/javascript; charset=utf-8' },
  '/page.js': { file: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/openapi.json': { file: 'openapi.json', type: 'application/json' },
};

/** The page shows values that anyone may have sent, so it loads nothing but its own files and cannot be framed. */
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

/** Reads each file at the first request for it: most sandboxes run in tests and never show the page. */
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

/** Tells open pages that something changed; they fetch what they show themselves. */
export type ServerSentEvents = {
  /** Cheap without listeners. Changes that follow within 100 ms are part of the same event. */
  changed(): void;
  /** Answers with an event stream that lasts until either side closes it. */
  serve(request: IncomingMessage, response: ServerResponse): void;
  close(): void;
};

const GATHER_MS = 100;
const HEARTBEAT_MS = 15_000;

export function createServerSentEvents({ setTimer, clearTimer }: Timers): ServerSentEvents {
  const listeners = new Set<ServerResponse>();
  let gathering: ReturnType<Timers['setTimer']> | undefined;
  let heartbeat: ReturnType<Timers['setTimer']> | undefined;

  function send(text: string): void {
    for (const listener of listeners) listener.write(text);
  }

  function sendHeartbeats(): void {
    heartbeat = setTimer(() => {
      send(': heartbeat\n\n');
      sendHeartbeats();
    }, HEARTBEAT_MS);
  }

  return {
    changed() {
      if (listeners.size === 0 || gathering !== undefined) return;
      gathering = setTimer(() => {
        gathering = undefined;
        send('event: change\ndata: {}\n\n');
      }, GATHER_MS);
    },
    serve(_request, response) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      response.write('retry: 1000\n\n');
      if (listeners.size === 0) sendHeartbeats();
      listeners.add(response);
      response.on('close', () => {
        listeners.delete(response);
        if (listeners.size === 0) clearTimer(heartbeat);
      });
    },
    close() {
      clearTimer(heartbeat);
      clearTimer(gathering);
      for (const listener of listeners) listener.destroy();
    },
  };
}
