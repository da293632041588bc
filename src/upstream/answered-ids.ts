/**
 * Whether the records of an answer are in another order than the leads of its call: one that was asked for by its id is
 * answered with the id of another one, and the place of that one has something else. An id that no lead of the call has is
 * the upstream's to choose, and leads that were merged have one id together.
 *
 * @param asked the ids of the leads, undefined where a lead has another key
 * @param answered the ids of the stored leads, undefined where one was refused
 */
export function isOutOfOrder(
  asked: readonly (number | undefined)[],
  answered: readonly (number | undefined)[],
): boolean {
  const isStrange = (id: number | undefined, at: number) =>
    id !== undefined && asked[at] !== undefined && id !== asked[at];
  const strange = answered.filter(isStrange);
  if (strange.length === 0) return false;
  const places = new Map(asked.map((id, at) => [id, at]));
  return strange.some((id) => {
    const place = places.get(id);
    return place !== undefined && answered[place] !== id;
  });
}
