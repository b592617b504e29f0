import type { Socket } from 'node:net';

/** RFC 9113 §3.4: with this a client that knows of HTTP/2 begins. No request of HTTP/1 does. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** RFC 8737 §4: what a certificate authority names in its ClientHello, and nobody else. */
const challengeProtocol = Buffer.from('\nacme-tls/1', 'latin1');
const handshakeRecord = 22;
const recordHead = 5;

/** What a connection is by its first bytes; undefined where more of them are needed. */
type Classify<Kind> = (head: Buffer) => Kind | undefined;

export const httpVersion: Classify<'h2' | 'http/1.1'> = (head) => {
  const length = Math.min(head.length, preface.length);
  if (head.compare(preface, 0, length, 0, length) !== 0) return 'http/1.1';
  return length === preface.length ? 'h2' : undefined;
};

/** Whether a ClientHello asks for the certificate that answers an ACME challenge (tls-alpn-01). */
export const tlsPurpose: Classify<'acme-challenge' | 'traffic'> = (head) => {
  if (head[0] !== handshakeRecord) return 'traffic';
  if (head.length < recordHead || head.length < recordHead + head.readUInt16BE(3)) return undefined;
  return head.includes(challengeProtocol) ? 'acme-challenge' : 'traffic';
};

/** Reads just enough of a new connection to tell what it is, and puts it back. */
export function peek<Kind>(
  socket: Socket,
  timeoutMs: number,
  classify: Classify<Kind>,
  done: (kind: Kind) => void,
): void {
  let head = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), timeoutMs).unref();
  const onEnd = () => socket.destroy();
  const onClose = () => clearTimeout(timer);
  const onReadable = () => {
    for (let chunk: Buffer | null; (chunk = socket.read() as Buffer | null) !== null;) {
      head = Buffer.concat([head, chunk]);
    }
    const kind = head.length === 0 ? undefined : classify(head);
    if (kind === undefined) return;
    clearTimeout(timer);
    socket.off('readable', onReadable).off('error', onEnd).off('end', onEnd).off('close', onClose);
    socket.unshift(head);
    done(kind);
  };
  socket.on('readable', onReadable).on('error', onEnd).on('end', onEnd).on('close', onClose);
}
