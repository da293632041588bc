import type { CallVerdict } from '../upstream/outcome.ts';

/** Leave to make one call, of a store that all replicas of the gateway ask. */
export type Permit = {
  readonly kind: 'granted';
  /** Positions of the leads that must not go: one of their keys is on its way in another replica. */
  readonly held: ReadonlySet<number>;
  /**
   * To be called once, when the call has ended.
   *
   * @param pauseMs how long no replica shall call, since the upstream said so
   */
  release(verdict: CallVerdict, pauseMs: number): void;
};

export type PermitAnswer =
  | Permit
  /** `retryAtMs` in monotonic ms: when to ask again. */
  | { readonly kind: 'denied'; readonly retryAtMs: number };

/** What other replicas do, as far as it matters to the pace. */
export type PeerLoad = {
  /** Leads a second that come to the others. */
  readonly demandPerSecond: number;
  /** Replicas to which leads come, this one included. */
  readonly activePeers: number;
};

/** Where replicas that share a subscription agree on their calls. */
export type CallPermits = {
  /** @param leads the lane keys of each lead of the call; never rejects */
  acquire(leads: readonly (readonly string[])[]): Promise<PermitAnswer>;
  peerLoad(): PeerLoad;
};

/** What a gateway does that has its subscription for itself. */
export const NO_PEERS: PeerLoad = { demandPerSecond: 0, activePeers: 1 };
