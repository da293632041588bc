import { Agent, request } from 'node:http';

export type LeadAnswer = {
  /** The status, or the code of the error that came instead. */
  readonly outcome: number | string;
  readonly closes: boolean;
};

/** One connection a request, as many at a time as there are requests. */
export const freshConnections = (): Agent => new Agent({ keepAlive: false });

/** One lead; never rejects. `onWire` is called when the request is written. */
export function putLead(
  url: string,
  email: string,
  agent: Agent,
  onWire: () => void = () => {},
): Promise<LeadAnswer> {
  return new Promise((resolve) => {
    const body = JSON.stringify({ email });
    const outgoing = request(
      `${url}/leads`,
      {
        method: 'PUT',
        agent,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        response.resume();
        response.once('error', (error: NodeJS.ErrnoException) =>
          resolve({ outcome: error.code ?? 'error', closes: false }),
        );
        response.once('end', () =>
          resolve({
            outcome: response.statusCode ?? 0,
            closes: response.headers.connection === 'close',
          }),
        );
      },
    );
    outgoing.once('finish', onWire);
    outgoing.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ outcome: error.code ?? 'error', closes: false }),
    );
    outgoing.end(body);
  });
}

/** How often each outcome came. */
export function tally(answers: readonly LeadAnswer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of answers) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/** Sends leads all at once; `written` resolves when every request is on the wire. */
export function putLeads(
  url: string,
  count: number,
): { readonly written: Promise<unknown>; readonly answers: Promise<readonly LeadAnswer[]> } {
  const agent = freshConnections();
  const sent = Array.from({ length: count }, (_, index) => {
    let onWire = () => {};
    const written = new Promise<void>((resolve) => {
      onWire = resolve;
    });
    return { written, answer: putLead(url, `lead${index}@example.com`, agent, onWire) };
  });
  return {
    written: Promise.all(sent.map(({ written }) => written)),
    answers: Promise.all(sent.map(({ answer }) => answer)),
  };
}
