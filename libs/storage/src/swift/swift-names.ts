import { randomBytes } from 'node:crypto';

/** Where things are in the container: as Distribution laid them out, and the pieces of our large objects beside its own. */
export class SwiftNames {
  /** What the names of all objects begin with. */
  readonly files: string;
  readonly segments: string;

  constructor(
    readonly container: string,
    prefix = '',
  ) {
    this.files = `${prefix}/files/`.replace(/^\/+/, '');
    this.segments = `${prefix}/segments/`.replace(/^\/+/, '');
  }

  ofKey(key: string): string {
    return this.files + key;
  }

  /** The key; of what has none, its name. */
  keyOf(name: string): string {
    return name.startsWith(this.files) ? name.slice(this.files.length) : name;
  }

  /** The pieces of one writer. Distribution's folders have three digits, so nobody takes one for the other. */
  newFolder(): string {
    return randomBytes(16).toString('hex');
  }

  inFolder(folder: string, name: string): string {
    return `${this.segments}${folder}/${name}`;
  }

  /** The folder of ours that a name is in. */
  folderOf(name: string): string | undefined {
    if (!name.startsWith(this.segments)) return undefined;
    return /^([0-9a-f]{32})\//.exec(name.slice(this.segments.length))?.[1];
  }

  /** As manifests, headers and requests want it. */
  path(name?: string): string {
    const container = `/${encodeURIComponent(this.container)}`;
    return name === undefined ? container : `${container}/${encodeName(name)}`;
  }

  /** As in a manifest: with the container, and not encoded. */
  full(name: string): string {
    return `/${this.container}/${name}`;
  }

  /** The name of an object of ours that a manifest names in full. */
  ownName(full: string): string | undefined {
    const start = `/${this.container}/`;
    return full.startsWith(start) ? full.slice(start.length) : undefined;
  }
}

function encodeName(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/');
}
