import type { CallVerdict } from '../upstream/outcome.ts';

/** Leave to make one call, given by the store that all replicas of the gateway share. */
export type Permit = {
  readonly kind: 'granted';
  /** Positions of the leads that must not be sent: another replica has one of their keys in flight. */
  readonly held: ReadonlySet<number>;
  /**
   * To be called once, when the call has ended.
   *
   * @param pauseMs how long all replicas must pause, because the upstream said so
   * @param mayRunMs how long from its start the upstream may work on a call that is given up
   * @param keysKeptUntilMs until when its keys are kept from other replicas, in monotonic ms; without it as long as the
   * upstream may work on it
   */
  release(verdict: CallVerdict, pauseMs: number, mayRunMs?: number, keysKeptUntilMs?: number): void;
};

export type PermitAnswer =
  | Permit
  /** `retryAtMs` in monotonic ms: when to ask again. */
  | { readonly kind: 'denied'; readonly retryAtMs: number };

/** What the other replicas do, as far as it matters to the pace. */
export type PeerLoad = {
  /** Leads a second that the others receive. */
  readonly demandPerSecond: number;
  /** Replicas that receive leads, this one included. */
  readonly activePeers: number;
};

/** Where replicas that share a subscription agree on their calls (docs/replicas.md). */
export type CallPermits = {
  /** @param leads the ordering keys of each lead of the call; never rejects */
  acquire(leads: readonly (readonly string[])[]): Promise<PermitAnswer>;
  peerLoad(): PeerLoad;
};

/** The load of a gateway that does not share its subscription. */
export const NO_PEERS: PeerLoad = { demandPerSecond: 0, activePeers: 1 };
