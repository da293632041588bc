// A server on bare sockets with keep-alive: an upstream shares a core with the load, and with node:http that core was full
// before the relay's was. Counts calls and the leads in them; any message of the parent process gets what has come since
// the last one.
import { createServer } from 'node:net';

const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** How long a call takes, in ms; 0: no time. */
const CALL_MS = Number(process.env.CALL_MS ?? 0);

/** An answer as it goes on the wire. */
export function written(contentType, body) {
  const text = Buffer.from(body);
  const head = `HTTP/1.1 200 OK\r\nContent-Type: ${contentType}\r\nDate: ${new Date().toUTCString()}\r\nContent-Length: ${text.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), text]);
}

/** @param answer what a request, given its head and all of its bytes, gets, and how many leads it carries; 0: no call */
export function listen(answer) {
  const counts = { calls: 0, leads: 0 };
  const server = createServer({ noDelay: true }, (socket) => {
    let pending = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      const end = pending.indexOf(END_OF_HEAD);
      if (end === -1) return;
      const head = pending.latin1Slice(0, end);
      const [, length = 0] = /content-length: (\d+)/i.exec(head) ?? [];
      if (pending.length < end + END_OF_HEAD.length + Number(length)) return;
      const { reply, leads } = answer(head, pending);
      pending = Buffer.alloc(0);
      if (leads > 0) counts.calls += 1;
      counts.leads += leads;
      if (CALL_MS === 0) socket.write(reply);
      else setTimeout(() => socket.write(reply), CALL_MS);
    });
    socket.on('error', () => socket.destroy());
  });
  process.on('message', () => {
    process.send({ ...counts });
    counts.calls = 0;
    counts.leads = 0;
  });
  server.listen(0, '127.0.0.1', () => process.send?.(server.address().port));
}

/** How often some bytes stand in others. */
export function occurrences(bytes, of) {
  let count = 0;
  for (let at = bytes.indexOf(of); at !== -1; at = bytes.indexOf(of, at + of.length)) count += 1;
  return count;
}
