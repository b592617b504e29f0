/** What YAML gives when nothing is guessed: text, lists and sections. Types are the schema's business. */
export type DocumentValue = string | null | DocumentValue[] | DocumentSection;
export interface DocumentSection {
  [name: string]: DocumentValue;
}

export function isSection(value: unknown): value is DocumentSection {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
