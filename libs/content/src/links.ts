import { Digest } from '#oci/digest.js';
import {
  ContentTooLarge,
  PathNotFound,
  type StorageDriver,
  type StoredFile,
} from '#storage/storage-driver.js';

/** The longest link, to a sha512 digest, and room for what an editor may add. */
const longestLink = 160;

/** What a driver gives again is parsed once. */
const parsed = new WeakMap<Buffer, Digest>();

/** A link file is the text of a digest, without a newline. */
export function linkFile(path: string, digest: Digest): StoredFile {
  return { path, content: Buffer.from(digest.toString()) };
}

/** What a link points to; undefined when there is none, or when it is not a link: empty, too long, or something else. */
export async function readLink(driver: StorageDriver, path: string): Promise<Digest | undefined> {
  const atOnce = driver.getAtOnce(path, longestLink);
  const digest = atOnce && parsed.get(atOnce);
  return digest ?? readSlowly(driver, path);
}

/** Makes what is at these paths durable, whoever wrote it; false if something is gone by now. */
export async function canConfirm(
  driver: StorageDriver,
  paths: readonly string[],
): Promise<boolean> {
  try {
    await driver.confirm(paths);
    return true;
  } catch (error) {
    if (error instanceof PathNotFound) return false;
    throw error;
  }
}

async function readSlowly(driver: StorageDriver, path: string): Promise<Digest | undefined> {
  try {
    const content = await driver.get(path, { limit: longestLink });
    const known = parsed.get(content);
    if (known !== undefined) return known;
    const digest = Digest.tryParse(content.toString('latin1').trim());
    if (digest !== undefined) parsed.set(content, digest);
    return digest;
  } catch (error) {
    if (error instanceof PathNotFound || error instanceof ContentTooLarge) return undefined;
    throw error;
  }
}
