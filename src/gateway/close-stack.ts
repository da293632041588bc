import type { Logger } from '../observability/logger.ts';

/** Closes what was started, last to first: when a start fails half-way, and when the gateway stops. */
export type CloseStack = {
  onClose(close: () => unknown): void;
  /** Never rejects: errors are logged, and the rest is closed all the same. Later calls wait for the first. */
  close(): Promise<void>;
};

export function createCloseStack(logger: Pick<Logger, 'error'>): CloseStack {
  const closers: (() => unknown)[] = [];
  let closed: Promise<void> | undefined;

  async function closeAll(): Promise<void> {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
      try {
        await close();
      } catch (error) {
        logger.error({ err: error }, 'part of the gateway failed to close');
      }
    }
  }

  return {
    onClose: (close) => void closers.push(close),
    close: () => (closed ??= closeAll()),
  };
}
