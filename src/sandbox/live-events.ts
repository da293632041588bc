import type { IncomingMessage, ServerResponse } from 'node:http';

/** Tells open pages that something changed; what, they fetch themselves. */
export type LiveEvents = {
  /** Cheap while nobody listens; several changes within `gatherMs` are told as one. */
  changed(): void;
  /** Answers with an event stream that lasts until either side closes. */
  serve(request: IncomingMessage, response: ServerResponse): void;
  close(): void;
};

const HEARTBEAT_MS = 15_000;

export function createLiveEvents(gatherMs = 100): LiveEvents {
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
