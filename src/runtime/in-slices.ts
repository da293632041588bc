/** Calls made before other events run. */
const SLICE = 16;

/**
 * Calls a function for each item, in order: some now, and the others in turns of the event loop that follow, which
 * answering many requests at once must not hold.
 */
export function inSlices<Item>(
  items: readonly Item[],
  call: (item: Item, index: number) => void,
  from = 0,
): void {
  const to = Math.min(items.length, from + SLICE);
  for (const [nth, item] of items.slice(from, to).entries()) call(item, from + nth);
  if (to < items.length) setImmediate(() => inSlices(items, call, to));
}
