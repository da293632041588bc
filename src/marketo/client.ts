import type { UpsertLead } from '../leads/lead.ts';
import type { HttpPost, PostFailure, PostResponse } from '../transport/http-post.ts';
import { writeSyncLead } from './envelope.ts';
import type { AttemptOutcome } from './outcome.ts';
import { soapAction, SOAP_CONTENT_TYPE } from './protocol.ts';
import { readSyncLeadReply, type SyncLeadReply } from './reply.ts';
import { type MarketoCredentials, sign } from './signing.ts';
import type { UpstreamClock } from './upstream-clock.ts';

export type MarketoClient = {
  /** One attempt; never rejects. The signal takes it back as long as it is not on the wire. */
  syncLead(command: UpsertLead, signal: AbortSignal): Promise<AttemptOutcome>;
};

export type MarketoClientOptions = {
  readonly post: HttpPost;
  readonly credentials: MarketoCredentials;
  readonly clock: UpstreamClock;
  readonly defaultWorkspace: string | undefined;
  readonly timeoutMs: number;
  readonly userAgent: string;
};

/**
 * The client of the SOAP API. An attempt is sign, write, send and read: a signed timestamp expires, so no attempt
 * reuses the body of another (design decision 1).
 */
export function createMarketoClient(options: MarketoClientOptions): MarketoClient {
  const { post, credentials, clock, timeoutMs } = options;
  const headers = {
    'content-type': SOAP_CONTENT_TYPE,
    soapaction: soapAction('syncLead'),
    accept: 'text/xml',
    'user-agent': options.userAgent,
  };
  return {
    async syncLead(command, signal) {
      const workspace = command.workspace ?? options.defaultWorkspace;
      const signature = sign(credentials, clock.now());
      const body = writeSyncLead(command, signature, workspace);
      const answer = await post({ headers, body, timeoutMs, signal });
      if (answer.kind === 'failure') return failedAttempt(answer);
      const reply = withoutSignature(
        readSyncLeadReply(answer.body, answer.contentType),
        signature.requestSignature,
      );
      const outcome = answeredAttempt(answer, reply, command.returnLead);
      if (outcome.kind === 'fault' && outcome.fault.code === 20016 && answer.date !== undefined) {
        clock.correct(answer.date);
      }
      return outcome;
    },
  };
}

/**
 * The reply with the signature taken out of what the upstream said: some servers quote the whole request in their
 * faults, and their words go on to the caller (contract B: no response ever holds a signature).
 */
function withoutSignature(reply: SyncLeadReply, signature: string): SyncLeadReply {
  const hide = (text: string) => text.replaceAll(signature, '(signature)');
  switch (reply.kind) {
    case 'fault':
      return { ...reply, fault: { ...reply.fault, message: hide(reply.fault.message) } };
    case 'rejected':
      return { ...reply, message: hide(reply.message) };
    case 'unreadable':
      return reply.said === undefined ? reply : { ...reply, said: hide(reply.said) };
    case 'stored':
      return reply;
  }
}

function answeredAttempt(answer: PostResponse, reply: SyncLeadReply, returnLead: boolean): AttemptOutcome {
  const { status: httpStatus, retryAfter } = answer;
  switch (reply.kind) {
    case 'stored': {
      // SOAP 1.1, 6.2: a success has a 2xx. A contradiction is not told as one.
      if (httpStatus < 200 || httpStatus > 299) {
        return { kind: 'unreadable', reason: 'contradicts its HTTP status', httpStatus, retryAfter };
      }
      const { leadId, status, lead } = reply;
      return {
        kind: 'stored',
        result: { leadId, status, ...(returnLead && lead !== undefined && { lead }) },
      };
    }
    case 'rejected':
      return reply;
    case 'fault':
      return { ...reply, retryAfter };
    case 'unreadable':
      return { ...reply, httpStatus, retryAfter };
  }
}

function failedAttempt({ reason, cause }: PostFailure): AttemptOutcome {
  const unreadable = (why: string): AttemptOutcome => ({
    kind: 'unreadable',
    reason: why,
    httpStatus: null,
    retryAfter: undefined,
    cause,
  });
  switch (reason) {
    case 'connect':
      return { kind: 'unreachable', wasSent: false, cause };
    case 'reset':
      return { kind: 'unreachable', wasSent: true, cause };
    case 'timeout':
      return { kind: 'timeout', cause };
    case 'withdrawn':
      return { kind: 'withdrawn' };
    case 'too-large':
      return unreadable('is too large');
    case 'bad-encoding':
      return unreadable('cannot be decompressed');
    case 'not-http':
      return unreadable('is not HTTP');
  }
}
