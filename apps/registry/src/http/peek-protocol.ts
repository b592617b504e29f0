import type { Socket } from 'node:net';

/** RFC 9113 §3.4: with this a client that knows of HTTP/2 begins. No request of HTTP/1 does. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** Reads just enough of a new connection to tell HTTP/2 from HTTP/1, and puts it back. */
export function peekProtocol(
  socket: Socket,
  timeoutMs: number,
  done: (protocol: 'h2' | 'http/1.1') => void,
): void {
  let head = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), timeoutMs).unref();
  const onError = () => socket.destroy();
  const onReadable = () => {
    for (let chunk: Buffer | null; (chunk = socket.read() as Buffer | null) !== null;) {
      head = Buffer.concat([head, chunk]);
    }
    const length = Math.min(head.length, preface.length);
    const agrees = head.compare(preface, 0, length, 0, length) === 0;
    if (head.length === 0 || (agrees && length < preface.length)) return;
    finish(agrees ? 'h2' : 'http/1.1');
  };
  const onEnd = () => (head.length === 0 ? socket.destroy() : finish('http/1.1'));
  function finish(protocol: 'h2' | 'http/1.1'): void {
    clearTimeout(timer);
    socket
      .off('readable', onReadable)
      .off('error', onError)
      .off('end', onEnd)
      .off('close', onClose);
    socket.unshift(head);
    done(protocol);
  }
  function onClose(): void {
    clearTimeout(timer);
  }
  socket.on('readable', onReadable).on('error', onError).on('end', onEnd).on('close', onClose);
}
