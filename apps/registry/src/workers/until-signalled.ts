/** npm passes on to its child what the terminal has sent there already: the same signal again within this time is the same wish. */
const echoMs = 500;

interface Reactions {
  readonly reload: () => void;
  /** The first time, and hurrying the second. */
  readonly stop: () => Promise<boolean>;
}

/** Obeys SIGHUP until SIGTERM or SIGINT; resolves when all has stopped, with whether every request was finished. */
export function untilSignalled({ reload, stop }: Reactions): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let last = -Infinity;
    const onStop = () => {
      const now = performance.now();
      if (now - last < echoMs) return;
      last = now;
      stop().then(resolve, reject);
    };
    process.on('SIGTERM', onStop).on('SIGINT', onStop).on('SIGHUP', reload);
  });
}
