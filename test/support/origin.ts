import type { Origin } from '../../src/leads/lead.ts';

/** A made-up request. */
export const ORIGIN: Origin = {
  requestId: 'r',
  trace: {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00',
    tracestate: undefined,
  },
};
