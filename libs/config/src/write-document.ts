import { isSection } from './document.js';
import type { DocumentSection, DocumentValue } from './document.js';
import type { KeyPath } from './key-tree.js';
import { newSection } from './normalize.js';

type Container = DocumentSection | DocumentValue[];

/** Sets the value at a path, or unsets it; false where the way there is blocked by something that has no parts. */
export function write(
  document: DocumentSection,
  path: KeyPath,
  value: DocumentValue | undefined,
): boolean {
  const container = containerAt(document, path);
  const last = path.at(-1);
  if (container === undefined || last === undefined) return false;
  if (Array.isArray(container)) {
    if (typeof last !== 'number' || last > container.length) return false;
    container[last] = value ?? '';
    return true;
  }
  const name = existingName(container, String(last));
  if (value === undefined) delete container[name];
  else container[name] = value;
  return true;
}

/** Leaves `name` as the only one of `names` in the section at `path`, with what it holds already. */
export function choose(
  document: DocumentSection,
  path: KeyPath,
  name: string,
  names: readonly string[],
): boolean {
  const section = containerAt(document, [...path, name]);
  if (!isSection(section)) return false;
  for (const other of names) if (other !== name) delete section[other];
  section[name] ??= newSection();
  return true;
}

/** What holds the last step of a path, made on the way where it is missing. */
function containerAt(document: DocumentSection, path: KeyPath): Container | undefined {
  let container: Container = document;
  for (let depth = 0; depth < path.length - 1; depth++) {
    const wantsList = typeof path[depth + 1] === 'number';
    const inner = enter(container, path[depth] ?? '', wantsList);
    if (wantsList ? !Array.isArray(inner) : !isSection(inner)) return undefined;
    container = inner as Container;
  }
  return container;
}

function enter(container: Container, step: string | number, wantsList: boolean): DocumentValue {
  const made: Container = wantsList ? [] : newSection();
  if (Array.isArray(container)) {
    if (typeof step !== 'number' || step > container.length) return null;
    return (container[step] ??= made);
  }
  const name = existingName(container, String(step));
  const inner = container[name];
  // The one value of a header becomes the first of several.
  if (wantsList && typeof inner === 'string') return (container[name] = [inner]);
  return (container[name] ??= made);
}

/** As the file spells it: names of headers, and of free sections, come in other cases from variables. */
function existingName(section: DocumentSection, name: string): string {
  if (name in section) return name;
  const lower = name.toLowerCase();
  return Object.keys(section).find((known) => known.toLowerCase() === lower) ?? name;
}
