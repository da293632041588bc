/** The browser client of lead-gateway: what `/client.js` and `lead-gateway/client` export (docs/browser-client.md). */

/** A lead as `PUT /leads` takes it (docs/rest-api.md#members). */
export type Lead = {
  readonly email?: string | null;
  /** Left out, the client takes the value of the `_mkto_trk` cookie, if there is one. */
  readonly marketoCookie?: string | null;
  readonly attributes?: Readonly<Record<string, string | number | boolean | null>> | null;
  readonly id?: number | null;
  readonly foreignSysPersonId?: string | null;
  readonly foreignSysType?: 'CUSTOM' | 'SFDC' | 'NETSUITE' | null;
  readonly workspace?: string | null;
};

export type LeadResult =
  | { readonly status: 'ACCEPTED' }
  | { readonly status: 'CREATED' | 'UPDATED' | 'UNCHANGED'; readonly leadId: number }
  | {
      /** Not delivered yet: it is in the queue, and is sent when it can be. */
      readonly status: 'QUEUED';
      /** Why it could not be delivered at once. */
      readonly problem: LeadProblem;
      /** Whether it outlives the page: false where localStorage is blocked or full. */
      readonly durable: boolean;
    };

export type LeadClientOptions = {
  /** Where the gateway is, such as `https://leads.example.com`. */
  readonly url: string;
  /** A publishable key, `lgp_…`; left out for a gateway without keys. */
  readonly key?: string;
  /** How many leads wait at most; 100 when left out. */
  readonly maxQueued?: number;
  /** False: the `_mkto_trk` cookie is left alone, for a device that many people use. */
  readonly cookie?: boolean;
  /** Told of a queued lead that was refused or is too old; left out, the console has a warning. */
  readonly onProblem?: (problem: LeadProblem, lead: Lead) => void;
};

export type LeadClient = {
  /**
   * Keeps the lead before it returns, and sends it. Resolves with the gateway's answer, or with `QUEUED` when the lead has
   * to wait. Rejects with a LeadProblem when the lead is refused, and then keeps nothing.
   */
  send(lead: Lead): Promise<LeadResult>;
  /** How many leads are kept that have no answer yet. */
  pending(): number;
};

/** Why a lead was refused, or could not be delivered yet (docs/errors.md#problem-document). */
export type ProblemFields = {
  /**
   * The last part of the problem's `type`, such as `validation-failed`; else `network`, `queue-full`, `expired`,
   * `elsewhere` (another page has sent it), or `http-<status>` for an answer that is not the gateway's.
   */
  readonly slug: string;
  /** The HTTP status; 0 if there was no answer. */
  readonly status: number;
  /** What to do, in a sentence. */
  readonly detail: string;
  readonly title?: string;
  /** Whether the same lead can succeed later. */
  readonly retryable?: boolean;
  readonly requestId?: string;
  /** The members at fault. */
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[];
};

export declare class LeadProblem extends Error implements ProblemFields {
  constructor(fields: ProblemFields);
  readonly slug: string;
  readonly status: number;
  readonly detail: string;
  readonly title?: string;
  readonly retryable?: boolean;
  readonly requestId?: string;
  readonly errors: ProblemFields['errors'];
}

export declare function createLeadClient(options: LeadClientOptions): LeadClient;
