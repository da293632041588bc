import type { IncomingMessage, ServerResponse } from 'node:http';
import { SOAP_CONTENT_TYPE } from '../text/soap-protocol.ts';
import type { Authenticator } from './authentication.ts';
import type { CallLimits } from '../sandbox/call-limits.ts';
import type { CallEntry, CallLog } from '../sandbox/call-log.ts';
import { BodyError, decodeXmlText, readBody } from './request-body.ts';
import type { InjectedFault, FaultInjection } from '../sandbox/fault-injection.ts';
import type { OperationContext, OperationResult } from './operation.ts';
import { OPERATIONS } from '../sandbox/operations.ts';
import { FAULT_TITLES, faultAnswer, type FaultCode, protocolFaultAnswer, SoapFault } from './answer.ts';
import { ProtocolFault, readSoapRequest, type SoapRequest } from './request.ts';
import { childPresent, childrenNamed, readXml, XmlError } from './read-xml.ts';

export type SoapEndpointDeps = {
  readonly authenticator: Authenticator;
  readonly limits: CallLimits;
  readonly callLog: CallLog;
  readonly faultInjection: FaultInjection;
  readonly now: () => number;
  /** Resolves after that many milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
  /** What the operations of one call work with, as things stand when the call arrives. */
  readonly context: () => OperationContext;
};

/** Serves one POST: reads it, does it, logs it, answers it. Never rejects. */
export type SoapEndpoint = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

type HttpAnswer = {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
};
type Answered = HttpAnswer & Pick<CallEntry, 'outcome' | 'faultCode' | 'statuses'>;

/** Room for a batch of 300 leads; what is larger is refused while it arrives. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

export function createSoapEndpoint(deps: SoapEndpointDeps): SoapEndpoint {
  const { authenticator, limits, callLog, faultInjection, now, wait } = deps;

  async function call(request: SoapRequest): Promise<Answered> {
    const operation = request.operation === null ? undefined : OPERATIONS.get(request.operation);
    if (!operation || request.operation === null) throw new SoapFault(20019);
    const { params, targetWorkspace } = request;
    const result: OperationResult = await operation(
      { operation: request.operation, params, targetWorkspace },
      deps.context(),
    );
    const { answer, outcome, statuses } = result;
    return {
      status: 200,
      contentType: SOAP_CONTENT_TYPE,
      body: answer,
      outcome,
      ...(statuses && { statuses }),
    };
  }

  return async (request, response) => {
    const time = now();
    const injected = faultInjection.take();
    let operation = 'unknown';
    let records = 0;
    let leave: (() => void) | undefined;

    let answered: Answered;
    try {
      if (injected?.reset === 'on-arrival') {
        request.socket.resetAndDestroy();
        throw new BodyError(400, 'reset');
      }
      const message = readMessage(
        await readBody(request, MAX_BODY_BYTES),
        request.headers['content-type'],
        injected,
      );
      if (message && OPERATIONS.has(message.operation ?? '')) {
        operation = message.operation ?? operation;
        records = recordsIn(message);
      }
      const instead = answerInstead(injected);
      if (instead) {
        answered = instead;
      } else {
        if (!message) throw new SoapFault(20012);
        authenticator.check(message.authentication, now());
        leave = limits.enter(now());
        answered = await call(message);
      }
      if (injected?.delayMs !== undefined) await wait(injected.delayMs);
    } catch (error) {
      answered = failureAnswer(error);
    }
    leave?.();

    const { outcome, faultCode, statuses } = answered;
    callLog.add({
      time,
      operation,
      records,
      outcome: injected?.reset === undefined ? outcome : 'RESET',
      ...(faultCode !== undefined && { faultCode }),
      ...(statuses && { statuses }),
      durationMs: now() - time,
    });
    send(response, answered, injected);
  };
}

/** @throws {SoapFault} 20012 for what is no well-formed envelope, unless the call is answered otherwise anyway. */
function readMessage(
  bytes: Buffer,
  contentType: string | undefined,
  injected: InjectedFault | undefined,
): SoapRequest | null {
  try {
    const text = decodeXmlText(bytes, contentType);
    if (text === undefined) throw new SoapFault(20012, 'The encoding of the message is not understood');
    return readSoapRequest(readXml(text));
  } catch (error) {
    if (answerInstead(injected)) return null;
    if (error instanceof XmlError)
      throw new SoapFault(20012, `The message is not well-formed XML: ${error.message}`);
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
  return fault(20011, 'The sandbox has a defect');
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

function recordsIn({ operation, params }: SoapRequest): number {
  if (operation !== 'syncMultipleLeads') return 1;
  const list = childPresent(params, 'leadRecordList');
  return list ? childrenNamed(list, 'leadRecord').length : 0;
}

function send(response: ServerResponse, answer: HttpAnswer, injected: InjectedFault | undefined): void {
  const { socket } = response;
  if (!socket || socket.destroyed) return;
  if (injected?.reset === 'before-headers') {
    socket.resetAndDestroy();
    return;
  }
  const body = Buffer.from(answer.body, 'utf8');
  response.writeHead(answer.status, {
    ...answer.headers,
    'Content-Type': answer.contentType,
    'Content-Length': body.length,
    // What is left of a body refused for its size is not read.
    ...(answer.status === 413 && { Connection: 'close' }),
  });
  if (injected?.reset === 'mid-body') {
    response.write(body.subarray(0, body.length >> 1), () => socket.destroy());
    return;
  }
  response.end(body);
}
