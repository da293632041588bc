/** A whole request that creates a lead, to be hidden behind another. */
export const HIDDEN_REQUEST: string;
/** What it is · bytes · the status of the only answer. */
export const REFUSED: readonly (readonly [string, string, number])[];
/** What it is · bytes · the statuses of the answers. */
export const READ: readonly (readonly [string, string, readonly number[]])[];
/** Sends pieces and returns what comes back; with `answers` of them and everything sent, a last request follows. */
export function sendPieces(url: string, pieces: readonly string[], answers?: number): Promise<string>;
/** The statuses of all answers in what has come back. */
export function statusesIn(text: string): number[];
