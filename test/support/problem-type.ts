import { expect } from 'vitest';

/** Matches the `type` of a problem: an absolute URL, of the page that explains the problem. */
export function problemType(slug: string): unknown {
  return expect.stringMatching(new RegExp(`^https?://[^/]+/problems/${slug}$`));
}
