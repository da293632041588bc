import { expect, test, vi } from 'vitest';
import { createCancellation } from '../../src/runtime/cancellation.ts';

test('tells every listener once, and says so from then on', () => {
  const signal = createCancellation();
  const [first, second] = [vi.fn<() => void>(), vi.fn<() => void>()];
  signal.addEventListener('abort', first);
  signal.addEventListener('abort', second);
  expect(signal.aborted).toBe(false);
  signal.cancel();
  signal.cancel();
  expect(signal.aborted).toBe(true);
  expect(first).toHaveBeenCalledOnce();
  expect(second).toHaveBeenCalledOnce();
});

test('tells nothing to a listener that was removed', () => {
  const signal = createCancellation();
  const listener = vi.fn<() => void>();
  signal.addEventListener('abort', listener);
  signal.removeEventListener('abort', listener);
  signal.cancel();
  expect(listener).not.toHaveBeenCalled();
});
