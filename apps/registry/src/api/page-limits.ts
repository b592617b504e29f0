/** Most entries in one answer (`tags.maxtags`, `catalog.maxentries`). */
export class PageLimits {
  constructor(
    readonly tags: number,
    readonly catalog: number,
  ) {}
}
