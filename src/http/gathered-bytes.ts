/** Bytes that come in pieces. What it keeps is no more than a small multiple of them, however small the pieces are. */
export type GatheredBytes = {
  add(piece: Buffer): void;
  /** All of them in one; without a copy if there is one piece. */
  whole(): Buffer;
  clear(): void;
  size(): number;
};

/** Smaller pieces are copied: an object for each byte would take a hundred times as much as the byte. */
const SMALL = 2048;
const BLOCK = 4096;

export function createGatheredBytes(): GatheredBytes {
  let pieces: Buffer[] = [];
  let size = 0;
  /** The last of the pieces, where small ones go; undefined if the last one is a piece as it came. */
  let block: Buffer | undefined;
  let used = 0;

  const closeBlock = () => {
    if (block !== undefined) pieces.push(block.subarray(0, used));
    block = undefined;
  };

  return {
    add(piece) {
      // Hot path: most bodies come in one piece.
      if (size === 0 || piece.length >= SMALL) {
        closeBlock();
        pieces.push(piece);
      } else {
        if (block !== undefined && block.length - used < piece.length) closeBlock();
        if (block === undefined) {
          block = Buffer.allocUnsafeSlow(BLOCK);
          used = 0;
        }
        used += piece.copy(block, used);
      }
      size += piece.length;
    },
    whole() {
      closeBlock();
      const [only = Buffer.alloc(0)] = pieces;
      return pieces.length <= 1 ? only : Buffer.concat(pieces, size);
    },
    clear() {
      pieces = [];
      block = undefined;
      size = 0;
    },
    size: () => size,
  };
}
