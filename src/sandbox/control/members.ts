import { fitsXml } from '../leads/fields.ts';

/** A request to the control API that is refused; `message` says what to do. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly status: 400 | 403 | 404 | 405 | 413 | 415;
  /** The methods that exist, with status 405. */
  readonly allow: string | undefined;

  constructor(status: 400 | 403 | 404 | 405 | 413 | 415, message: string, allow?: string) {
    super(message);
    this.status = status;
    this.allow = allow;
  }
}

/** A JSON object. Every function below throws a ControlError 400 that names the wrong member. */
export type Members = Readonly<Record<string, unknown>>;

/** @param allowed the members it may have; any by default */
export function object(value: unknown, where: string, allowed?: readonly string[]): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ControlError(400, `${where === '' ? 'The body' : where} must be a JSON object.`);
  }
  const unknown = allowed && Object.keys(value).find((name) => !allowed.includes(name));
  if (unknown !== undefined) {
    throw new ControlError(400, `${unknown} is not known here. Known: ${allowed?.join(', ')}.`);
  }
  return value as Members;
}

export function list(members: Members, name: string): readonly unknown[] {
  const value = members[name];
  if (!Array.isArray(value)) throw new ControlError(400, `${name} must be a list.`);
  return value;
}

export function string(members: Members, name: string): string {
  const value = members[name];
  if (typeof value !== 'string') throw new ControlError(400, `${name} must be a string.`);
  return value;
}

/** A text that is not empty and that XML can carry. */
export function text(members: Members, name: string): string {
  const value = string(members, name);
  if (value === '' || !fitsXml(value)) {
    throw new ControlError(400, `${name} must be a text that XML can carry, and not empty.`);
  }
  return value;
}

export function bool(members: Members, name: string): boolean {
  const value = members[name];
  if (typeof value !== 'boolean') throw new ControlError(400, `${name} must be true or false.`);
  return value;
}

export function integer(members: Members, name: string, min: number, max: number): number {
  const value = members[name];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw new ControlError(400, `${name} must be an integer from ${min} to ${max}.`);
  }
  return value;
}

export function number(members: Members, name: string, min: number, max: number): number {
  const value = members[name];
  if (typeof value !== 'number' || value < min || value > max) {
    throw new ControlError(400, `${name} must be a number from ${min} to ${max}.`);
  }
  return value;
}
