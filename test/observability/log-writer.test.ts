import { describe, expect, test } from 'vitest';
import { createFileSink, createLogWriter, createStreamSink } from '../../src/observability/log-writer.ts';

/** A disk with room for so many bytes, which takes at most 7 of them at a time. */
function disk(room: number) {
  const chunks: Buffer[] = [];
  return {
    text: () => Buffer.concat(chunks).toString(),
    makeRoom(bytes: number) {
      room += bytes;
    },
    writeSome(bytes: Uint8Array) {
      if (room === 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      const taken = Buffer.from(bytes.subarray(0, Math.min(7, room)));
      room -= taken.length;
      chunks.push(taken);
      return taken.length;
    },
  };
}

describe('a file', () => {
  test('gets everything, in however many pieces', () => {
    const { writeSome, text } = disk(1000);
    const sink = createFileSink(writeSome);
    expect(sink.write('{"a":"ä"}\n{"b":2}\n')).toBe(0);
    expect(text()).toBe('{"a":"ä"}\n{"b":2}\n');
  });

  test('on a full disk loses lines, and goes on at the start of one when there is room again', () => {
    const { writeSome, text, makeRoom } = disk(15);
    const sink = createFileSink(writeSome);
    expect(sink.write('{"line":1}\n{"line":2}\n{"line":3}\n')).toBe(2);
    expect(sink.write('{"line":4}\n')).toBe(1);
    makeRoom(100);
    expect(sink.write('{"line":5}\n')).toBe(0);
    expect(text()).toBe('{"line":1}\n{"li\n{"line":5}\n');
  });

  test('that was full right after a line goes on without an empty one', () => {
    const { writeSome, text, makeRoom } = disk(11);
    const sink = createFileSink(writeSome);
    expect(sink.write('{"line":1}\n{"line":2}\n')).toBe(1);
    makeRoom(100);
    sink.write('{"line":3}\n');
    expect(text()).toBe('{"line":1}\n{"line":3}\n');
  });
});

describe('a pipe', () => {
  const pipe = (writableLength: number) => {
    const written: string[] = [];
    const waiting: (() => void)[] = [];
    let onError = () => {};
    const stream = {
      writableLength,
      write(text: string, done?: () => void) {
        if (done === undefined) written.push(text);
        else waiting.push(done);
        return true;
      },
      on: (_event: 'error', listener: () => void) => (onError = listener),
    };
    return { sink: createStreamSink(stream), written, waiting, fail: () => onError() };
  };

  test('gets what is written, until its reader is gone', () => {
    const { sink, written, fail } = pipe(0);
    expect(sink.write('a\n')).toBe(0);
    fail();
    expect(sink.write('b\nc\n')).toBe(2);
    expect(written).toEqual(['a\n']);
  });

  test('is waited for at the end, until all is out, the reader is gone or the time is up', async () => {
    const slow = pipe(0);
    const ended: string[] = [];
    const writer = createLogWriter(slow.sink, () => {});
    writer.write('a\n');
    const end = writer.end(60_000).then(() => ended.push('out'));
    await new Promise(setImmediate);
    expect([slow.written, ended]).toEqual([['a\n'], []]);
    slow.waiting[0]?.();
    await end;
    const stuck = createLogWriter(pipe(0).sink, () => {});
    await stuck.end(10);
    const gone = pipe(0);
    gone.fail();
    await createLogWriter(gone.sink, () => {}).end(60_000);
    expect(ended).toEqual(['out']);
  });

  test('whose reader does not read gets no more than memory can hold', () => {
    const { sink, written } = pipe(8_388_609);
    expect(sink.write('a\n')).toBe(1);
    expect(written).toEqual([]);
  });
});

describe('the writer', () => {
  const sinkOf = (write: (lines: string) => number) => ({ write, settled: async () => {} });

  test('writes the lines of one turn together, and the rest at the end', async () => {
    const written: string[] = [];
    const writer = createLogWriter(
      sinkOf((lines) => written.push(lines) * 0),
      () => {},
    );
    writer.write('a\n');
    writer.write('b\n');
    await new Promise(setImmediate);
    writer.write('c\n');
    writer.flush();
    writer.flush();
    expect(written).toEqual(['a\nb\n', 'c\n']);
    expect(writer.lost()).toBe(0);
  });

  test('counts what is lost and says so once, when lines are taken again', () => {
    const told: number[] = [];
    let refused = 1;
    const writer = createLogWriter(
      sinkOf(() => refused),
      (lost) => told.push(lost),
    );
    const line = () => {
      writer.write('a\n');
      writer.flush();
    };
    line();
    line();
    expect([writer.lost(), told]).toEqual([2, []]);
    refused = 0;
    line();
    line();
    expect([writer.lost(), told]).toEqual([2, [2]]);
  });
});
