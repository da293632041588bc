import type { InjectedFault } from '../../soap-server/endpoint.ts';

/** The operations of the REST face, as faults and the call log name them. */
export const REST_OPERATIONS = [
  'identity',
  'sync',
  'find',
  'lead',
  'associate',
  'merge',
  'delete',
  'describe',
  'describe2',
  'partitions',
  'usage',
] as const;
export type RestOperation = (typeof REST_OPERATIONS)[number];

/** What happens to one REST call instead of an answer, or along with it (docs/sandbox.md#fault-injection). */
export type RestFault = Pick<InjectedFault, 'garbage' | 'reset' | 'delayMs'> & {
  /** Only a call of this operation takes it. */
  readonly operation?: RestOperation;
  /** The call is refused with this code, as a string or a number; `status` is 200 unless given. */
  readonly error?: { readonly code: string | number; readonly message?: string; readonly status?: number };
  /** Records of a sync that are skipped with these reasons instead of being written. */
  readonly reasons?: readonly {
    /** The first record is 0. */
    readonly index: number;
    readonly code: string | number;
    readonly message?: string;
  }[];
  /** How many results more than there should be; below zero, fewer. */
  readonly results?: number;
  /** The answer's JSON ends after half of its length; the HTTP message is whole. */
  readonly truncate?: true;
  /** `error` or `garbage` is answered although the call was done. */
  readonly done?: true;
  /** How long the call takes between finding and writing leads, whether its client waits or not. */
  readonly processingMs?: number;
};
