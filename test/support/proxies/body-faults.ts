import { Transform } from 'node:stream';

/** Leaves out the last bytes of what passes. */
export function truncating(bytes: number): Transform {
  let held = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const all = Buffer.concat([held, chunk]);
      const passed = Math.max(0, all.length - bytes);
      held = all.subarray(passed);
      done(null, all.subarray(0, passed));
    },
  });
}

/** Adds bytes at the end. */
export function extending(bytes: number): Transform {
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, chunk),
    flush: (done) => done(null, Buffer.alloc(bytes, '*')),
  });
}

/** Changes one bit of the byte at `at`, if there is one. */
export function flipping(at: number): Transform {
  let passed = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const index = at - passed;
      passed += chunk.length;
      if (index < 0 || index >= chunk.length) return done(null, chunk);
      const changed = Buffer.from(chunk);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      return done(null, changed);
    },
  });
}
