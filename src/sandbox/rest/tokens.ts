import { randomUUID } from 'node:crypto';

/** What the REST face takes (docs/sandbox.md#rest-face). Not a secret: the sandbox holds nothing worth one. */
export const SANDBOX_CLIENT = { clientId: 'sandbox', clientSecret: 'sandbox-client-secret' } as const;

/** An access token and how long it lives. */
export type IssuedToken = {
  readonly accessToken: string;
  /** Rounded down, so 0 in its last second. */
  readonly expiresIn: number;
};

/** The tokens of the one client. */
export type Tokens = {
  /** The live token; a new one if there is none. */
  issue(nowMs: number): IssuedToken;
  check(accessToken: string, nowMs: number): 'valid' | 'expired' | 'unknown';
  /** Ends the token at once. */
  expire(): void;
  /** Sets how long the live token, or else the next one, has to live. */
  setLife(seconds: number, nowMs: number): void;
  /** How long the live token has left; null without one. */
  secondsLeft(nowMs: number): number | null;
  /** Forgets every token. */
  reset(): void;
};

/** An hour less a moment, so that a new token's life is 3599 whole seconds. */
const LIFE_MS = 3_600_000 - 1;
/** Tokens that have ended and are still told apart from tokens that never were. */
const REMEMBERED = 100;

export function createTokens(): Tokens {
  let live: { readonly accessToken: string; endsAt: number } | null = null;
  let nextLifeMs: number | null = null;
  let ended: string[] = [];

  function expire(): void {
    if (live) ended = [...ended.slice(1 - REMEMBERED), live.accessToken];
    live = null;
  }

  function liveAt(nowMs: number) {
    if (live && nowMs >= live.endsAt) expire();
    return live;
  }

  return {
    issue(nowMs) {
      let token = liveAt(nowMs);
      if (!token) {
        token = { accessToken: `${randomUUID()}:lon`, endsAt: nowMs + (nextLifeMs ?? LIFE_MS) };
        nextLifeMs = null;
        live = token;
      }
      return { accessToken: token.accessToken, expiresIn: Math.floor((token.endsAt - nowMs) / 1000) };
    },
    check(accessToken, nowMs) {
      if (liveAt(nowMs)?.accessToken === accessToken) return 'valid';
      return ended.includes(accessToken) ? 'expired' : 'unknown';
    },
    expire,
    setLife(seconds, nowMs) {
      const token = liveAt(nowMs);
      if (token) token.endsAt = nowMs + seconds * 1000;
      else nextLifeMs = seconds * 1000;
    },
    secondsLeft(nowMs) {
      const token = liveAt(nowMs);
      return token ? (token.endsAt - nowMs) / 1000 : null;
    },
    reset() {
      live = null;
      nextLifeMs = null;
      ended = [];
    },
  };
}
