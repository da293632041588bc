import { crc32, deflateSync } from 'node:zlib';

/** Of the connector; the icon's background has to be the colour the properties name. */
export const BRAND_COLOR = '#3b5998';

const SIZE = 230;
const BACKGROUND = [0x3b, 0x59, 0x98];
const FOREGROUND = [0xff, 0xff, 0xff];

/** The icon of the connector as a PNG (ISO/IEC 15948): an arrow through a gate, in two colours. */
export function connectorIcon(): Uint8Array {
  // A row begins with the number of its filter (0, none) and has a bit a pixel.
  const row = 1 + Math.ceil(SIZE / 8);
  const bits = Buffer.alloc(SIZE * row);
  for (let y = 0; y < SIZE; y += 1) {
    for (let x = 0; x < SIZE; x += 1) {
      const at = y * row + 1 + (x >> 3);
      if (isDrawn(x, y)) bits.writeUInt8(bits.readUInt8(at) | (0x80 >> (x & 7)), at);
    }
  }
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    // Depth 1, with a palette, and the only compression, filtering and interlacing every reader knows.
    chunk('IHDR', Buffer.concat([uint32(SIZE), uint32(SIZE), Buffer.from([1, 3, 0, 0, 0])])),
    chunk('PLTE', Buffer.from([...BACKGROUND, ...FOREGROUND])),
    // Not compressed: what zlib makes of it differs from version to version.
    chunk('IDAT', deflateSync(bits, { level: 0 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Two posts, and between them an arrow that points to the right; 160 pixels of it in the middle. */
function isDrawn(x: number, y: number): boolean {
  const isPost = y >= 35 && y < 195 && ((x >= 71 && x < 87) || (x >= 143 && x < 159));
  const fromMiddle = Math.abs(y - 115);
  const gap = fromMiddle < 34;
  const isShaft = fromMiddle < 10 && x >= 35 && x < 165;
  const isHead = x >= 155 && x < 195 && fromMiddle <= (195 - x) * 0.75;
  return (isPost && !gap) || isShaft || isHead;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  return Buffer.concat([uint32(data.length), body, uint32(crc32(body))]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
