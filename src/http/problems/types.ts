import type { ErrorCode, GatewayErrorDetails } from '../../leads/errors.ts';

export type ProblemType = {
  /** docs/errors.md#why-these-statuses. */
  readonly status: number;
  /** What happened; the same for every problem of the type (RFC 9457, 3.1.3). */
  readonly title: string;
  /** Whether the same request can usually succeed later; an error may override it. */
  readonly retryable: boolean;
  /** Who can end the problem. */
  readonly whoActs: 'caller' | 'operator' | 'caller or operator';
  /** What they do, in one sentence, for the table of docs/errors.md. */
  readonly remedy: string;
  /** For a person: what it means, then what to do; a string for each paragraph. */
  readonly explanation: readonly string[];
  /** An error of this type as the OpenAPI document shows it. */
  readonly example: GatewayErrorDetails;
};

/** Every problem the gateway responds with. The slug is the code; a code without a row does not compile. */
export const PROBLEM_TYPES = {
  'malformed-json': {
    status: 400,
    title: 'The body is not JSON',
    retryable: false,
    whoActs: 'caller',
    remedy: 'Correct the JSON at the line and column that `detail` names.',
    explanation: [
      'The gateway could not parse the body of the request as JSON: it is empty, it is not UTF-8 text, it cannot be decompressed, or it breaks the grammar of JSON. The detail of the problem names the line and the column where parsing stopped.',
      'Look at that place in the text that was actually sent. Common causes are a value pasted into a template without escaping its quotes and line breaks, a comma after the last member, single quotes, and a template that was never filled in.',
    ],
    example: { detail: 'Line 3, column 1: expected a member name in double quotes, found "}".' },
  },
  'malformed-form': {
    status: 400,
    title: 'The form cannot be read',
    retryable: false,
    whoActs: 'caller',
    remedy: 'Let the browser or a library write the form.',
    explanation: [
      'The body of the request is announced as a form, and the gateway could not take its fields apart: it is not UTF-8 text, a percent sign does not begin the code of a character, a part has no name or no end, or there are too many fields. The detail of the problem says which.',
      'Let the browser or a library write the body, and set the Content-Type with it: the boundary of multipart/form-data is in both. A page must be in UTF-8.',
    ],
    example: {
      detail:
        'Field 2 of the form cannot be decoded: a percent sign must begin the code of a character in UTF-8, such as %C3%BC.',
    },
  },
  unauthorized: {
    status: 401,
    title: 'The credentials are missing or not valid',
    retryable: false,
    whoActs: 'caller',
    remedy: 'Send a valid key or token.',
    explanation: [
      'The gateway accepts leads only from authenticated callers, and this request has no key or token, or none that is valid. The answer is the same for a key that was mistyped, has expired, was revoked or never existed; the log of the gateway tells them apart.',
      'Send the key as Authorization: Bearer <key>, or as X-API-Key: <key>. Check that the whole key arrived: keys begin with lgs_, lgp_ or lgw_ and have 53 characters. The operator of the gateway can create a new one.',
    ],
    example: {
      detail:
        'The request has no valid key or token; send one as Authorization: Bearer <key>, or as X-API-Key: <key>.',
    },
  },
  'invalid-signature': {
    status: 401,
    title: "The webhook's signature is not valid",
    retryable: false,
    whoActs: 'caller or operator',
    remedy: "Compare the sender's secret with that of the key.",
    explanation: [
      'The key of this request is for a webhook whose sender signs each request, and the signature is missing, was made with another secret or more than five minutes ago, or the body was changed on the way. Nothing was stored.',
      'The operator of the gateway compares the scheme and the secret that the key names with those of the sender, and the clocks. A proxy in front must pass the body on as it is.',
    ],
    example: {
      detail:
        "The signature was made with another secret, or the body was changed on the way; copy the sender's secret again.",
    },
  },
  forbidden: {
    status: 403,
    title: 'The caller may not do this',
    retryable: false,
    whoActs: 'caller or operator',
    remedy: 'Leave out what `errors` names, or have the permission added.',
    explanation: [
      'The key or token is valid but does not allow what this request asks for. The detail says what is not allowed; if it is about a member of the lead, errors points to it and names the permission or scope it needs. Nothing was sent to Marketo.',
      'Leave the member out, or ask the operator of the gateway for the permission. In your pages use a publishable key, on the origins it lists: a secret key is refused there, whatever its permissions.',
    ],
    example: {
      detail: 'This key may not write LeadScore.',
      errors: [
        {
          pointer: '#/attributes/LeadScore',
          detail: 'needs the permission attributes with LeadScore in its list',
        },
      ],
    },
  },
  'not-found': {
    status: 404,
    title: 'Nothing is served at this path',
    retryable: false,
    whoActs: 'caller',
    remedy: 'Correct the path.',
    explanation: [
      'The gateway has no resource at the path of this request. Paths are case-sensitive and have no slash at the end: it is /leads, neither /Leads nor /leads/.',
      'Compare the address with the list at /docs, and check whether a proxy in front of the gateway adds a prefix: the gateway knows only the one of PUBLIC_URL.',
    ],
    example: { detail: 'Nothing is served at this path; GET /docs lists what is.' },
  },
  'method-not-allowed': {
    status: 405,
    title: 'The method is not allowed for this path',
    retryable: false,
    whoActs: 'caller',
    remedy: 'Use a method that `Allow` lists.',
    explanation: [
      'The path exists, but not with this method. The Allow header of the response lists the methods it accepts. Leads are written with PUT /leads, new ones as well as existing ones: the gateway finds out which it is. Clients that cannot send PUT may send POST.',
      'Change the method of the request.',
    ],
    example: { detail: 'DELETE is not possible here; use PUT or POST.' },
  },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    retryable: false,
    whoActs: 'caller',
    remedy: 'Send one lead in each request, without files.',
    explanation: [
      'A request may have a body of at most 1 MiB (1,048,576 bytes), counted after decompression. One request carries one lead, and no lead needs that much. A compressed stream of leads is bounded by what was sent.',
      'Check whether several leads were put into one request, or a file into an attribute. Send each lead by itself, without files.',
    ],
    example: { detail: 'The body has more than 1048576 bytes; send one lead, without files.' },
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body is not announced as JSON in UTF-8',
    retryable: false,
    whoActs: 'caller',
    remedy: 'Send JSON in UTF-8 with `Content-Type: application/json`.',
    explanation: [
      'The gateway reads only JSON in UTF-8, and the headers of this request announce something else or nothing at all.',
      'Send the header Content-Type: application/json. A charset, if given, must be utf-8; a Content-Encoding must be gzip, deflate or br.',
    ],
    example: { detail: 'The Content-Type is text/plain; send Content-Type: application/json, in UTF-8.' },
  },
  'validation-failed': {
    status: 422,
    title: 'The lead is not valid',
    retryable: false,
    whoActs: 'caller',
    remedy: 'Correct the members that `errors` names.',
    explanation: [
      'The body is JSON, but not a lead: a member is missing, unknown, of the wrong type or out of range. errors lists every violation, with a JSON pointer to the member and what is wrong with it. Nothing was sent to Marketo.',
      'Correct the members named. A lead needs at least one of id, foreignSysPersonId, marketoCookie and email to identify it; your own fields go into attributes.',
    ],
    example: {
      detail: '2 members are not valid. email: must be a string. returnLead: must be true or false.',
      errors: [
        { pointer: '#/email', detail: 'must be a string' },
        { pointer: '#/returnLead', detail: 'must be true or false' },
      ],
    },
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'The idempotency key stands for another request',
    retryable: false,
    whoActs: 'caller',
    remedy: 'Use a new `Idempotency-Key` for each lead.',
    explanation: [
      'A request of this caller with the same Idempotency-Key was accepted before, and its body was another one. Nothing of this request was kept.',
      'Send a new key with each new request, and the same key only when the same request is sent again.',
    ],
    example: {
      detail: 'This Idempotency-Key came with another body before; use a new key for each lead.',
    },
  },
  'rate-limited': {
    status: 429,
    title: "The caller's rate limit is reached",
    retryable: true,
    whoActs: 'caller',
    remedy: 'Send it again after `Retry-After`, and send fewer.',
    explanation: [
      'The key of this request has a rate limit, and it is reached; the headers RateLimit-Policy and RateLimit state the limits and what is left of them. Or too many requests without valid credentials came from this address.',
      'Send the request again after the seconds in Retry-After, and spread requests over a longer time. The operator of the gateway sets the limits.',
    ],
    example: {
      detail: 'This key may make 20 requests in 2 s; send the request again after the time in Retry-After.',
      retryAfterSeconds: 2,
    },
  },
  'lead-rejected': {
    status: 422,
    title: 'Marketo refused the lead',
    retryable: false,
    whoActs: 'caller',
    remedy: 'Correct the lead as `upstream.message` or `errors` says.',
    explanation: [
      "The lead was well formed, and Marketo did not store it: its own words are in upstream. Without upstream the gateway, which knows the fields of Marketo's REST API, has found the mistake before it asked. Common reasons are a value that does not fit the type of its field, a lead outside the partition of the named workspace, and a workspace that does not exist.",
      'Act on what upstream.message or errors says and send the lead again. The same lead unchanged will be refused again.',
    ],
    example: {
      detail: 'Marketo did not accept the lead; upstream.message says why.',
      upstream: { code: 20110, message: 'Lead is not in the primary partition of the workspace (20110)' },
    },
  },
  'lead-not-found': {
    status: 404,
    title: 'No lead has this id',
    retryable: false,
    whoActs: 'caller',
    remedy: 'Leave out `id` and name the lead by another key.',
    explanation: [
      'The request named a lead by its Marketo id, and Marketo has no lead with that id. Marketo assigns ids: an upsert by id updates an existing lead and never creates one. The lead may have been deleted, or merged into another.',
      'Leave id out and name the lead by email, cookie or foreign id instead; the answer has its current id.',
    ],
    example: {
      detail: 'Marketo has no lead with this id; leave id out to find or create the lead by another key.',
      upstream: { code: 20103, message: 'Lead not found (20103)' },
    },
  },
  'unknown-attribute': {
    status: 422,
    title: 'Marketo does not know an attribute of the lead',
    retryable: false,
    whoActs: 'caller',
    remedy: 'Correct the names in `errors`, or have the fields created in Marketo.',
    explanation: [
      'An attribute has a name that is not a field of this Marketo subscription. Names are the fields\' API names, which differ from the labels on the screen: FirstName, not "First Name". Nothing of the lead was stored.',
      'Correct the names listed in errors, leave them out, or have the field created in Marketo (Admin, Field Management).',
    ],
    example: {
      detail: 'Marketo has no field named pants; correct the name or leave the attribute out.',
      errors: [{ pointer: '#/attributes/pants', detail: 'is not the name of a field in Marketo' }],
      upstream: {
        code: 20105,
        message: 'syncLead operation failed: unknown fields for import: pants (20105)',
      },
    },
  },
  'upstream-error': {
    status: 502,
    title: 'Marketo could not process the call',
    retryable: false,
    whoActs: 'operator',
    remedy: 'If `retryable` is true, send it again; otherwise look at `upstream`.',
    explanation: [
      'Marketo answered with a fault that is not about the lead: an internal error, or it did not accept the form of the call. Its code and words are in upstream.',
      'If retryable is true, try again in a minute; the gateway has already tried more than once. Otherwise repeating will not help: give the request id and upstream to the operator of the gateway.',
    ],
    example: {
      detail: 'Marketo reported an internal error; try again in a minute.',
      upstream: { code: 20011, message: 'Internal error (20011)' },
      retryable: true,
    },
  },
  'upstream-access-denied': {
    status: 502,
    title: "Marketo refused the gateway's credentials",
    retryable: false,
    whoActs: 'operator',
    remedy: 'Correct the credentials of the gateway, or the rights of its API user.',
    explanation: [
      'The gateway makes its calls with credentials of its own, and Marketo did not accept them. Your request is not at fault, and neither are your credentials.',
      'The operator of the gateway has to compare MARKETO_REST_ENDPOINT, MARKETO_CLIENT_ID and MARKETO_CLIENT_SECRET with Admin, LaunchPoint and Web Services in Marketo, or with a SOAP server MARKETO_SOAP_ENDPOINT, MARKETO_USER_ID and MARKETO_ENCRYPTION_KEY with those of that server. Until then no lead can be written.',
    ],
    example: {
      detail: 'Marketo refused the credentials of the gateway; its operator has to correct them.',
      upstream: { code: 20014, message: 'Authentication failed (20014)' },
    },
  },
  'upstream-clock-skew': {
    status: 502,
    title: "Marketo refused the time of the gateway's clock",
    retryable: false,
    whoActs: 'operator',
    remedy: 'Set the clock of the gateway; use NTP.',
    explanation: [
      "Every call to Marketo carries a signed time, which Marketo accepts only if it is close to its own. The gateway signed again with Marketo's time and was refused once more.",
      'The operator of the gateway has to set the clock of its machine; time synchronisation (NTP) keeps it right.',
    ],
    example: {
      detail: 'Marketo refused the time the call was signed with; the clock of the gateway has to be set.',
      upstream: { code: 20016, message: 'Request expired (20016)' },
    },
  },
  'daily-quota-exhausted': {
    status: 429,
    title: "The day's calls to Marketo are used up",
    retryable: true,
    whoActs: 'caller or operator',
    remedy: 'Send it again after `Retry-After`, or raise the limit in the contract.',
    explanation: [
      'A Marketo subscription has a number of calls a day, and they are used up. The count starts again at midnight US Central time. Retry-After holds the seconds after which a lead can get through: if Marketo reported that the calls are used up, the gateway asks it again about once a minute; if the gateway has made as many calls as it may, it waits for midnight. When calls run short, the rest is shared among the callers, and one that has had its part gets this problem while the others go on.',
      'Keep the lead and send it after that time. If this happens often, have the number of daily calls raised in the contract with the vendor.',
    ],
    example: {
      detail: 'The calls of this day are used up; send the lead again after the time in Retry-After.',
      retryAfterSeconds: 20_700,
    },
  },
  'upstream-busy': {
    status: 429,
    title: 'Marketo accepts no more calls at the moment',
    retryable: true,
    whoActs: 'caller',
    remedy: 'Send it again after `Retry-After`; spread imports.',
    explanation: [
      'A Marketo subscription allows a number of calls in 20 seconds and a number at a time. More leads are waiting than can be written before this request would run out of time, or Marketo itself reported that it is busy.',
      'Send the lead again after the seconds in Retry-After. Spread large imports over a longer time.',
    ],
    example: {
      detail:
        'More leads are waiting than Marketo accepts; send the lead again after the time in Retry-After.',
      retryAfterSeconds: 12,
    },
  },
  'upstream-unreachable': {
    status: 502,
    title: 'Marketo cannot be reached',
    retryable: true,
    whoActs: 'operator',
    remedy: 'Send it again in a minute; if it lasts, run `doctor`.',
    explanation: [
      'The gateway could not connect to Marketo, or the connection broke, and trying again did not help. The cause is the network, a firewall, a proxy, a certificate or an outage, not your request.',
      'Try again in a minute: writing a lead twice does no harm. If it lasts, the operator of the gateway should look at its log and at the endpoint, MARKETO_REST_ENDPOINT or MARKETO_SOAP_ENDPOINT.',
    ],
    example: { detail: 'No connection to Marketo could be made; try again in a minute.' },
  },
  'upstream-timeout': {
    status: 504,
    title: 'Marketo did not answer in time',
    retryable: true,
    whoActs: 'caller',
    remedy: 'Send it again: the lead is not stored twice.',
    explanation: [
      'Marketo took longer than the gateway waits. The lead may have been stored all the same.',
      'Send the same request again: every call finds the lead by its keys, so it is not stored twice. The answer may then say UPDATED for a lead that the first attempt created.',
    ],
    example: { detail: 'Marketo did not answer within 25 seconds; sending the same lead again is safe.' },
  },
  'upstream-bad-response': {
    status: 502,
    title: "Marketo's answer is not the result of a call",
    retryable: false,
    whoActs: 'operator',
    remedy: 'Run `doctor`; the endpoint is probably wrong.',
    explanation: [
      'Marketo, or a proxy on the way to it, answered with something that is not the result of a call: not JSON, or not SOAP, cut off, too much of it, a redirect, or a status the gateway does not know. The gateway does not guess, and does not report a success it cannot see. The lead may have been stored.',
      "Sending the same request again is safe. If it happens again, give the request id to the operator of the gateway; the usual cause is an endpoint address that leads to something other than Marketo's API.",
    ],
    example: {
      detail: 'The answer is not SOAP; the operator of the gateway should check its endpoint address.',
    },
  },
  unavailable: {
    status: 503,
    title: 'The gateway cannot take the request now',
    retryable: true,
    whoActs: 'caller',
    remedy: 'Send it again after `Retry-After`.',
    explanation: [
      'This instance of the gateway is shutting down and accepts no new leads; it still finishes those it has accepted. Or it is holding as many request bodies as fit in its memory. Or its outbox, which was to keep the lead, is full or cannot be used. Or it cannot read the secret that checks the signatures of this webhook. Or the caller sent a token, and the gateway cannot fetch the keys of the identity provider to check it.',
      'Send the request again after the seconds in Retry-After; another instance, or the same one, will answer then.',
    ],
    example: {
      detail: 'The gateway is shutting down; send the lead again in a moment.',
      retryAfterSeconds: 5,
    },
  },
  'internal-error': {
    status: 500,
    title: 'The gateway failed because of a defect',
    retryable: false,
    whoActs: 'operator',
    remedy: 'Find the `requestId` in the log and report the defect.',
    explanation: [
      'The gateway ran into a defect of its own. It is not known whether the lead was stored.',
      'Sending the same request again is safe but will probably fail in the same way. Give the request id to the operator of the gateway: the log has an entry with it.',
    ],
    example: { detail: 'The gateway failed because of a defect; its log has an entry with this request id.' },
  },
} satisfies Readonly<Record<ErrorCode, ProblemType>>;

/** Whether `slug` names a problem type. */
export function isProblemSlug(slug: string): slug is ErrorCode {
  return Object.hasOwn(PROBLEM_TYPES, slug);
}

/** The `type` of a problem (RFC 9457, 3.1.1): the address of the page that explains it. */
export function problemUrl(code: ErrorCode, baseUrl: string): string {
  return `${baseUrl}/problems/${code}`;
}
