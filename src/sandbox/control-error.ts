/** A request to the control API that cannot be served; `message` tells a person what to do. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly status: 400 | 403 | 404 | 405 | 413 | 415;
  /** The methods there are, with status 405. */
  readonly allow: string | undefined;

  constructor(status: 400 | 403 | 404 | 405 | 413 | 415, message: string, allow?: string) {
    super(message);
    this.status = status;
    this.allow = allow;
  }
}
