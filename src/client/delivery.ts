import { endLease, exclusively, SETTLE_MS } from './lock.ts';
import { localProblem } from './problem.ts';
import { entriesOf, newOwner } from './queue.ts';
import { createPause } from './pause.ts';
import { createSender, type SenderOptions } from './sender.ts';
import { read } from './storage.ts';
import { tellQueued } from './waiters.ts';

/** Takes turns with other pages at sending what is in the queue that they share. */
export function createDelivery(options: SenderOptions) {
  const { prefix } = options;
  const owner = newOwner();
  const pause = createPause(prefix);
  const sender = createSender(options, owner, pause, pump);
  const isGone = (name: string) => name.startsWith(prefix) && read(name) === null;
  let state: 'idle' | 'asking' | 'sending' = 'idle';
  let letGo: (() => void) | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function wakeIn(ms: number): void {
    clearTimeout(timer);
    if (ms < Infinity) timer = setTimeout(pump, ms);
  }

  /** Sends what can go now, and sees to it that the rest goes later. */
  function pump(): void {
    if (state === 'sending') {
      wakeIn(sender.sendAll());
      if (sender.isBusy()) return;
      // The next page must see what this one has removed, and how long to wait.
      if (sender.hasChanged()) setTimeout(pump, SETTLE_MS);
      else {
        state = 'idle';
        // The storage event with another page's answer may be lost; its promise settles all the same.
        setTimeout(tellQueued, 1000, localProblem('elsewhere', 'sent by another page'), isGone);
        endLease(prefix);
        letGo?.();
      }
    } else if (state === 'idle' && entriesOf(prefix).length > 0) {
      state = 'asking';
      void exclusively(prefix, owner, () => {
        state = 'sending';
        const done = new Promise<void>((resolve) => (letGo = resolve));
        pump();
        return done;
      });
    }
  }

  return {
    pump,
    /** Before the page goes: sends the rest without waiting for answers. */
    leave: sender.leave,
    /** The network is back. */
    resume(): void {
      pause.forgetGuess();
      pump();
    },
  };
}
