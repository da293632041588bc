import type { IncomingMessage, ServerResponse } from 'node:http';
import { SOAP_CONTENT_TYPE } from '../text/soap-protocol.ts';
import {
  FAULT_TITLES,
  faultAnswer,
  type FaultCode,
  ProtocolFault,
  protocolFaultAnswer,
  SoapFault,
} from './answer.ts';
import { type Authenticator, readSoapRequest, type SoapRequest } from './request.ts';
import { OPERATION_SERVERS, type OperationAnswer, type Operations } from './operation.ts';
import { readXml, XmlError } from './read-xml.ts';
import { BodyError, decodeXmlText, readBody } from './request-body.ts';

/** What happens to one call instead of an answer, or along with it. */
export type InjectedFault = {
  /** Answered instead of the call being done. `status` is 500 unless given: some proxies turn it into 200. */
  readonly fault?: { readonly code: FaultCode; readonly message?: string; readonly status?: number };
  /** Answered instead of the call being done. */
  readonly garbage?: {
    readonly status: number;
    readonly contentType: string;
    readonly body: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
  /**
   * The connection breaks: `on-arrival` before the call is read or done; `before-headers` after it was done and
   * before anything is answered; `mid-body` after half of the answer.
   */
  readonly reset?: ResetMoment;
  /** How long the answer is held back after the call was done: a client that gives up finds the lead written. */
  readonly delayMs?: number;
};

export const RESET_MOMENTS = ['on-arrival', 'before-headers', 'mid-body'] as const;
export type ResetMoment = (typeof RESET_MOMENTS)[number];

/** A call for the log: without the caller, the content and the signature. */
export type CallReport = {
  /** Arrival, epoch milliseconds. */
  readonly time: number;
  /** `unknown` when the call could not be read that far. */
  readonly operation: string;
  readonly records: number;
  /** OTHER: neither a result nor a fault of the vendor's, but SOAP's own or an HTTP status. */
  readonly outcome: OperationAnswer['outcome'] | 'FAULT' | 'RESET' | 'GARBAGE' | 'OTHER';
  /** Only with outcome FAULT. */
  readonly faultCode?: number;
  readonly statuses?: OperationAnswer['statuses'];
  readonly durationMs: number;
};

/** A call as it was sent; `body` is empty for what could not be read. */
export type SentCall = {
  readonly request: Pick<IncomingMessage, 'method' | 'url' | 'headers'>;
  readonly body: Buffer;
  readonly answer: HttpAnswer;
};

export type SoapEndpointDeps = {
  readonly operations: Operations;
  readonly authenticator: Authenticator;
  /** Admits a call and returns what ends it. Throws a SoapFault for one over a limit. */
  readonly admit: () => () => void;
  /** How many records a batch may hold. */
  readonly maxRecords: () => number;
  /** What happens to the call that has just arrived; called once for every POST. */
  readonly takeFault: () => InjectedFault | undefined;
  /** Called once for every POST, before it is answered, with what was read of it and the answer. */
  readonly onCall: (call: CallReport, sent: SentCall) => void;
  readonly now: () => number;
  /** Resolves after that many milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
};

/** Serves one POST. Never rejects. */
export type SoapEndpoint = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export type HttpAnswer = {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
};
type Answered = HttpAnswer & Pick<CallReport, 'outcome' | 'faultCode' | 'statuses'>;

/** Room for a batch of 300 leads. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

export function createSoapEndpoint(deps: SoapEndpointDeps): SoapEndpoint {
  return async (request, response) => {
    const time = deps.now();
    const injected = deps.takeFault();
    const progress: Progress = { operation: 'unknown', records: 0, body: NOTHING };
    const answered = await serve(deps, request, injected, progress).catch(failureAnswer);
    const { outcome, faultCode, statuses } = answered;
    const { operation, records, body } = progress;
    const report: CallReport = {
      time,
      operation,
      records,
      outcome: injected?.reset === undefined ? outcome : 'RESET',
      ...(faultCode !== undefined && { faultCode }),
      ...(statuses && { statuses }),
      durationMs: deps.now() - time,
    };
    deps.onCall(report, { request, body, answer: answered });
    sendAnswer(response, answered, Buffer.from(answered.body, 'utf8'), injected?.reset);
  };
}

/** What has been read of a call, for the log of one that fails. */
type Progress = { operation: string; records: number; body: Buffer };

const NOTHING = Buffer.alloc(0);

async function serve(
  deps: SoapEndpointDeps,
  request: IncomingMessage,
  injected: InjectedFault | undefined,
  progress: Progress,
): Promise<Answered> {
  if (injected?.reset === 'on-arrival') {
    request.socket.resetAndDestroy();
    throw new BodyError(400, 'reset');
  }
  const instead = answerInstead(injected);
  const bytes = (progress.body = await readBody(request, MAX_BODY_BYTES));
  const message = readMessage(bytes, request.headers['content-type'], instead !== null);
  const server = OPERATION_SERVERS.get(message?.operation ?? '');
  if (message && server) {
    progress.operation = message.operation ?? progress.operation;
    progress.records = server.recordCount(message.params);
  }

  let leave: (() => void) | undefined;
  try {
    let answered: Answered;
    if (instead) {
      answered = instead;
    } else {
      if (!message) throw new SoapFault(20012);
      deps.authenticator.check(message.authentication, deps.now());
      leave = deps.admit();
      if (!server) throw new SoapFault(20019);
      const answer = await server.serve(deps.operations, message, deps.maxRecords());
      answered = { status: 200, contentType: SOAP_CONTENT_TYPE, ...answer };
    }
    if (injected?.delayMs !== undefined) await deps.wait(injected.delayMs);
    return answered;
  } finally {
    leave?.();
  }
}

/**
 * @param lenient null for what cannot be read, since the call gets another answer anyway
 * @throws {SoapFault} 20012 for what is not a well-formed envelope
 */
function readMessage(bytes: Buffer, contentType: string | undefined, lenient: boolean): SoapRequest | null {
  try {
    const text = decodeXmlText(bytes, contentType);
    if (text === undefined) throw new SoapFault(20012, 'The encoding of the message is not understood');
    return readSoapRequest(readXml(text));
  } catch (error) {
    if (lenient) return null;
    if (error instanceof XmlError) {
      throw new SoapFault(20012, `The message is not well-formed XML: ${error.message}`);
    }
    throw error;
  }
}

function answerInstead(injected: InjectedFault | undefined): Answered | null {
  if (injected?.garbage) {
    return { ...injected.garbage, outcome: 'GARBAGE' };
  }
  if (injected?.fault) {
    const { code, message, status } = injected.fault;
    return fault(code, message ?? FAULT_TITLES[code], status);
  }
  return null;
}

function failureAnswer(error: unknown): Answered {
  if (error instanceof SoapFault) return fault(error.code, error.message);
  if (error instanceof ProtocolFault) {
    return {
      status: 500,
      contentType: SOAP_CONTENT_TYPE,
      body: protocolFaultAnswer(error),
      outcome: 'OTHER',
    };
  }
  if (error instanceof BodyError) {
    return error.status === 400
      ? fault(20012, error.message)
      : {
          status: error.status,
          contentType: 'text/plain; charset=utf-8',
          body: `${error.message}\n`,
          outcome: 'OTHER',
        };
  }
  return fault(20011, 'The server has a defect');
}

function fault(code: FaultCode, message: string, status = 500): Answered {
  return {
    status,
    contentType: SOAP_CONTENT_TYPE,
    body: faultAnswer(code, message),
    outcome: 'FAULT',
    faultCode: code,
  };
}

/** Sends an answer, or as much of it as goes out before its connection breaks. */
export function sendAnswer(
  response: ServerResponse,
  answer: Omit<HttpAnswer, 'body'>,
  body: Buffer,
  reset: ResetMoment | undefined,
): void {
  const { socket } = response;
  if (!socket || socket.destroyed) return;
  if (reset === 'before-headers') {
    socket.resetAndDestroy();
    return;
  }
  response.writeHead(answer.status, {
    ...answer.headers,
    'Content-Type': answer.contentType,
    'Content-Length': body.length,
    // The rest of a body refused for its size is not read.
    ...(answer.status === 413 && { Connection: 'close' }),
  });
  if (reset === 'mid-body') {
    response.write(body.subarray(0, body.length >> 1), () => socket.destroy());
    return;
  }
  response.end(body);
}
