/**
 * Gives a list with an item at its end, which may be the same list. For lists that mostly have one item and are kept: V8
 * makes room for 17 when the first is pushed.
 */
export function appended<Item>(list: Item[], item: Item): Item[] {
  if (list.length === 0) return [item];
  list.push(item);
  return list;
}
