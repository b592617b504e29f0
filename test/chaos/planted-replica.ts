import { BucketDriver } from '#storage/bucket/bucket-driver.js';

/**
 * A replica with a bug, to show that the checker sees it: `planted-replica.js BUG FILE`. Each changes the driver of this process,
 * below everything that uses it.
 */
const plants: Readonly<Record<string, () => void>> = {
  /** What a tag points to is remembered for a second, as if no other replica could move it. */
  'cached-tag': () => {
    const get = original('get');
    const kept = new Map<string, { readonly content: Buffer; readonly until: number }>();
    BucketDriver.prototype.get = async function (path, options) {
      const known = kept.get(path);
      if (known !== undefined && known.until > performance.now()) return known.content;
      const content = await get.call(this, path, options);
      if (path.endsWith('/current/link')) {
        kept.set(path, { content, until: performance.now() + 1000 });
      }
      return content;
    };
  },
  /** A tag is removed with the manifest that it pointed to a moment ago, wherever it points now. */
  'no-compare': () => {
    BucketDriver.prototype.removeIf = async function (path) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      await this.remove(path);
      return true;
    };
  },
  /** An answer leaves before the last of its files is written. */
  'early-answer': () => {
    const put = original('put');
    BucketDriver.prototype.put = async function (files, last) {
      await put.call(this, files);
      setTimeout(() => void put.call(this, [], last).catch(() => undefined), 300);
    };
  },
};

/** As it was, for whatever object it is called on. */
function original<Name extends 'get' | 'put'>(name: Name): BucketDriver[Name] {
  return Reflect.get(BucketDriver.prototype, name) as BucketDriver[Name];
}

const [plant = '', file = ''] = process.argv.slice(2);
plants[plant]?.();
process.argv.splice(2, 2, 'serve', file);
await import('../../apps/cli/src/main.js');
