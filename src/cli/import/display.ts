import type { Clock } from '../../runtime/clock.ts';
import { counted } from '../../text/counted.ts';

const IN_PLACE_MS = 200;
const LINE_MS = 10_000;

export type Display = {
  /** @param done rows that are settled, those of earlier runs included */
  readonly update: (done: number, failed: number) => void;
  readonly say: (line: string) => void;
  readonly end: () => void;
};

/** Shows how far it has come: in place on a terminal, else a line every ten seconds. */
export function createDisplay(
  stream: { readonly isTTY?: boolean; readonly write: (text: string) => unknown },
  clock: Pick<Clock, 'monotonicMs'>,
  total: number,
  startsWith: number,
): Display {
  const isTty = stream.isTTY === true;
  const beganMs = clock.monotonicMs();
  let shownMs = isTty ? -Infinity : beganMs;
  let isShown = false;
  const clear = () => {
    if (isShown) stream.write('\r\u001B[K');
    isShown = false;
  };
  return {
    update(done, failed) {
      const nowMs = clock.monotonicMs();
      if (nowMs - shownMs < (isTty ? IN_PLACE_MS : LINE_MS)) return;
      shownMs = nowMs;
      const line = progressLine({ done, failed, total, sent: done - startsWith, tookMs: nowMs - beganMs });
      stream.write(isTty ? `\r\u001B[K${line}` : `${line}\n`);
      isShown = isTty;
    },
    say(line) {
      clear();
      stream.write(`${line}\n`);
    },
    end: clear,
  };
}

type Figures = {
  readonly done: number;
  readonly failed: number;
  readonly total: number;
  /** Rows of this run, which took `tookMs`. */
  readonly sent: number;
  readonly tookMs: number;
};

/** `12000 of 100000 rows (12 %), 3 failed, 850/s, 1 min 44 s left` */
function progressLine({ done, failed, total, sent, tookMs }: Figures): string {
  const percent = total === 0 ? 100 : Math.floor((done * 100) / total);
  const perMs = tookMs > 0 ? sent / tookMs : 0;
  const rate = perMs > 0 ? `, ${Math.round(perMs * 1000)}/s, ${duration((total - done) / perMs)} left` : '';
  return `${done} of ${counted(total, 'row')} (${percent} %), ${failed} failed${rate}`;
}

/** Ms in words, two units at most. */
export function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
