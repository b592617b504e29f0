import { isRepositoryName, type RepositoryName } from '#oci/repository-name.js';
import { PathNotFound, type StorageDriver } from '#storage/storage-driver.js';

import { isBucket } from '../is-bucket.js';
import { repositoriesFolder, revisionsFolder } from '../paths.js';

/** Which repositories there are: those that have a manifest. */
export class Repositories {
  constructor(private readonly driver: StorageDriver) {}

  async exists(name: RepositoryName): Promise<boolean> {
    return this.#hasRevision(name);
  }

  /**
   * One page of the names in ASCII order.
   * @param after the last name of the page before; need not exist
   */
  async list({
    limit,
    after,
  }: {
    limit: number;
    after?: string | undefined;
  }): Promise<{ names: RepositoryName[]; more: boolean }> {
    const names: RepositoryName[] = [];
    for await (const name of this.#walk('', after)) {
      if (names.length === limit) return { names, more: true };
      names.push(name);
    }
    return { names, more: false };
  }

  /**
   * A folder is two things, a repository `a` and the parent of all `a/…`, and other names may come between them: `a-b` is
   * after `a` and before `a/b`, since `-` is before `/`.
   */
  async *#walk(parent: string, after: string | undefined): AsyncGenerator<RepositoryName> {
    const entries = await this.driver.list(repositoriesFolder + (parent && `/${parent}`));
    const places = entries
      .filter(({ name, kind }) => kind === 'folder' && isRepositoryName(name))
      .flatMap(({ name }) => [name, `${name}/`])
      .sort();
    for (const place of places) {
      const path = parent === '' ? place : `${parent}/${place}`;
      if (place.endsWith('/')) {
        if (after === undefined || path > after || after.startsWith(path)) {
          yield* this.#walk(path.slice(0, -1), after);
        }
      } else if ((after === undefined || path > after) && isRepositoryName(path)) {
        if (await this.#hasRevision(path)) yield path;
      }
    }
  }

  async #hasRevision(name: string): Promise<boolean> {
    const folder = revisionsFolder(name);
    for (const algorithm of ['sha256', 'sha512']) {
      if (isBucket(this.driver)) {
        const first = { limit: 1 };
        const page = await this.driver.foldersWith(`${folder}/${algorithm}`, 'link', first);
        if (page.names.length > 0) return true;
        continue;
      }
      for (const { name: hex } of await this.driver.list(`${folder}/${algorithm}`)) {
        if (await this.#isFile(`${folder}/${algorithm}/${hex}/link`)) return true;
      }
    }
    return false;
  }

  async #isFile(path: string): Promise<boolean> {
    try {
      await this.driver.stat(path);
      return true;
    } catch (error) {
      if (error instanceof PathNotFound) return false;
      throw error;
    }
  }
}
