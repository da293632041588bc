import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { UNKNOWN_ATTRIBUTE } from '../../leads/unknown-attributes.ts';
import { pathOf } from '../../text/json.ts';
import type { Row } from './row.ts';

/** What became of one row. */
export type RowResult = {
  readonly status: number;
  readonly problem: string;
  readonly detail: string;
  readonly isPassing: boolean;
  readonly retryAfterSeconds: number;
};

/** A member and what the gateway says of it: a reason to refuse the row, or a warning. */
type Told = { readonly pointer: string; readonly detail: string };

/** What would become of one row. */
export type DryRunResult = RowResult & { readonly warnings: readonly Told[] };

/** The answer to a request, as far as it came. */
export type BatchAnswer = {
  /** By the index of the row in the request; rows without one were not answered. */
  readonly results: ReadonlyMap<number, RowResult>;
  /** The answer to all of it, if that is no success, or the one that ended it: the key is no longer valid. */
  readonly refusal: RowResult | undefined;
  /** The code of the error that ended the connection early. */
  readonly lost: string | undefined;
};

export type Gateway = {
  /** Sends rows as lines of one `PUT /leads/batch`. Never rejects. */
  readonly send: (rows: readonly Row[]) => Promise<BatchAnswer>;
  /** Asks what `PUT /leads` would say to a row, without writing it. Never rejects. */
  readonly dryRun: (row: Row) => Promise<DryRunResult | undefined>;
  readonly close: () => void;
};

/** No byte for longer than any deadline of a lead: the connection is dead. */
const SILENCE_MS = 180_000;

/** A gateway below `url`. Rows of a request are answered while they are stored (docs/rest-api.md#put-leadsbatch). */
export function connectGateway(url: URL, key: string | undefined): Gateway {
  const isSecure = url.protocol === 'https:';
  const agent = isSecure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const base = url.href.replace(/\/+$/, '');
  const put = (path: string, type: string, body: string, onText: (text: string, status: number) => void) =>
    new Promise<{ readonly response?: IncomingMessage; readonly lost?: string }>((resolve) => {
      const headers = {
        'content-type': type,
        'content-length': Buffer.byteLength(body),
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      };
      const send = isSecure ? httpsRequest : httpRequest;
      const request = send(`${base}${path}`, { method: 'PUT', headers, agent, timeout: SILENCE_MS });
      let response: IncomingMessage | undefined;
      const end = (lost?: string) =>
        resolve({ ...(response && { response }), ...(lost !== undefined && { lost }) });
      request.on('timeout', () => request.destroy(new Error('no answer')));
      request.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
      request.on('response', (incoming) => {
        response = incoming;
        incoming.setEncoding('utf8');
        incoming.on('data', (text: string) => onText(text, incoming.statusCode ?? 0));
        incoming.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
        incoming.on('end', () => end());
      });
      request.end(body);
    });
  return {
    async send(rows) {
      const results = new Map<number, RowResult>();
      let rest = '';
      let ended: RowResult | undefined;
      const body = rows.map((row) => `${row.body}\n`).join('');
      const { response, lost } = await put('/leads/batch', 'application/x-ndjson', body, (text, status) => {
        rest += text;
        if (status !== 200) return;
        const lines = rest.split('\n');
        rest = lines.pop() ?? '';
        ended ??= addResults(lines, results);
      });
      if (response === undefined || response.statusCode === 200) return { results, refusal: ended, lost };
      return { results, refusal: refusalOf(response, rest), lost };
    },
    async dryRun(row) {
      let text = '';
      const { response } = await put('/leads?dryRun=true', 'application/json', row.body, (part) => {
        text += part;
      });
      if (response === undefined) return undefined;
      if (response.statusCode !== 200) return { ...refusalOf(response, text), warnings: [] };
      return { ...resultOf(200, undefined, undefined), warnings: warningsIn(text) };
    },
    close: () => agent.destroy(),
  };
}

type Problem = {
  readonly type?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly retryable?: boolean;
  readonly errors?: readonly Told[];
};
type Answered = {
  readonly index: number;
  readonly status: number;
  readonly problem?: Problem;
  readonly retryAfter?: number;
};

/** Adds the results in `lines`. Returns the one that ended the batch: its key, not the row, is at fault. */
function addResults(lines: readonly string[], results: Map<number, RowResult>): RowResult | undefined {
  for (const line of lines) {
    const result = answered(line);
    if (result === undefined) continue;
    const row = resultOf(result.status, result.problem, result.retryAfter);
    if (row.status === 401) return row;
    results.set(result.index, row);
  }
  return undefined;
}

/** A line of results; undefined if something else than the gateway answered. */
function answered(line: string): Answered | undefined {
  try {
    const result = JSON.parse(line) as Partial<Answered> | null;
    return typeof result?.index === 'number' && typeof result.status === 'number'
      ? (result as Answered)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The warnings of a dry run; none if something else than the gateway answered. */
function warningsIn(text: string): readonly Told[] {
  try {
    const { warnings = [] } = JSON.parse(text) as { readonly warnings?: readonly Told[] };
    return warnings;
  } catch {
    return [];
  }
}

function refusalOf(response: IncomingMessage, text: string): RowResult {
  const status = response.statusCode ?? 0;
  const after = Number(response.headers['retry-after'] ?? 0);
  const seconds = Number.isFinite(after) ? after : 0;
  try {
    return resultOf(status, JSON.parse(text) as Problem, seconds);
  } catch {
    // A proxy in front answered.
    return resultOf(status, { detail: `${status} ${response.statusMessage ?? ''}`.trim() }, seconds);
  }
}

/** Most details repeat the first members at fault, by their names and not their pointers. */
function isToldIn(words: string, { pointer, detail }: Told): boolean {
  const path = pathOf(pointer);
  return (
    words.includes(`${path.join('/')}: ${detail}`) ||
    (detail.startsWith(UNKNOWN_ATTRIBUTE) && words.includes(path.at(-1) ?? ''))
  );
}

function resultOf(status: number, problem: Problem | undefined, retryAfter: number | undefined): RowResult {
  const { type = '', title = '', detail = title, retryable, errors = [] } = problem ?? {};
  const members = errors
    .filter((member) => !isToldIn(detail, member))
    .map(({ pointer, detail: why }) => `${pointer} ${why}`);
  return {
    status,
    problem: type.split('/').at(-1) ?? '',
    // Its sentences end as sentences do.
    detail: [detail, members.join('; ')].filter((words) => words !== '').join(' '),
    isPassing: status === 429 || (status >= 500 && (retryable ?? true)),
    retryAfterSeconds: retryAfter ?? 0,
  };
}
