import type { Principal } from '../../../access/principal.ts';
import type { BodyAccount, BodyMemory } from '../../body-memory.ts';

/** Counts the line of a stream that has begun as a body that arrives: when memory is short, the slowest go. */
export type BegunLine = {
  /** @param bytes of it so far; 0 when it is over */
  holds(bytes: number): void;
  close(): void;
};

/** @param onNoRoom called when the line must go */
export function createBegunLine(
  bodyMemory: BodyMemory,
  caller: Pick<Principal, 'kind' | 'name'>,
  onNoRoom: () => void,
): BegunLine {
  let account: BodyAccount | undefined;
  let booked = 0;
  const close = () => {
    account?.close();
    account = undefined;
    booked = 0;
  };
  return {
    holds(bytes) {
      // One that is shorter than before is another.
      if (bytes < booked) close();
      if (bytes === booked) return;
      account ??= bodyMemory.open({ caller, address: undefined }, onNoRoom);
      if (!account.book(bytes - booked)) onNoRoom();
      booked = bytes;
    },
    close,
  };
}
