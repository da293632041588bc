/** Says why an answer cannot be read; the sentence goes on after "the answer ...". Does not leave the room. */
export class UnreadableReply extends Error {
  override readonly name = 'UnreadableReply';
  /** The upstream's own word that is at fault, where there is one. */
  readonly said: string | undefined;

  constructor(reason: string, options: { said?: string; cause?: unknown } = {}) {
    super(reason, { cause: options.cause });
    this.said = options.said;
  }
}
