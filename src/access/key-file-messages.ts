const MEMBER_NAME = /^[A-Za-z]{1,30}$/;

/** A member's name in a message about the key file, unless it may be a value in the wrong place, such as a key. */
export function shownName(name: string): string {
  return MEMBER_NAME.test(name) ? name : '(not shown)';
}

/** The message for an object of the key file that is not one, or has unknown members. */
export function objectError(issue: { code?: string | undefined; keys?: unknown }): string {
  if (issue.code !== 'unrecognized_keys') return 'must be an object';
  return `has unknown members: ${(issue.keys as string[]).map(shownName).join(', ')}`;
}
