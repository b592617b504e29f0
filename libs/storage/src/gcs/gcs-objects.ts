import type { StoredObject } from '../bucket/object-store.js';

/** The resource of an object, as far as it is asked for. */
export interface GcsObject {
  readonly name: string;
  readonly size: string;
  readonly generation: string;
  /** When this generation was written. */
  readonly timeCreated: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export const objectFields = 'name,size,generation,timeCreated';

/** Metadata of an object that was written under a condition: how its writer knows it again. */
export const writerName = 'holdfastwriter';

export const contentType = 'application/octet-stream';

export function storedObject(key: string, object: GcsObject): StoredObject {
  return {
    key,
    size: Number(object.size),
    modifiedAt: Date.parse(object.timeCreated),
    version: object.generation,
  };
}
