/** The largest signed integer of 32 bits: of a lead's id, and of counts in languages whose integers have that size. */
export const MAX_INT32 = 2_147_483_647;
