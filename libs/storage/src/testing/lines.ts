import { PathNotFound, type StorageDriver } from '../storage-driver.js';
import type { PartWriter, UploadArea, UploadedParts } from '../upload-area.js';

export async function append(writer: PartWriter, text: string): Promise<void> {
  await writer.write(Buffer.from(text));
}

/** A session with a finished line. */
export async function finishedLine(
  area: UploadArea,
  session: string,
  text: string,
): Promise<UploadedParts> {
  const writer = await area.claim(session, undefined);
  await append(writer, text);
  return writer.finish();
}

export function partsOf(found: { readonly parts: UploadedParts } | undefined): UploadedParts {
  if (found === undefined) throw new Error('the session has no line');
  return found.parts;
}

export async function isThere(driver: StorageDriver, path: string): Promise<boolean> {
  try {
    await driver.stat(path);
    return true;
  } catch (error) {
    if (error instanceof PathNotFound) return false;
    throw error;
  }
}
