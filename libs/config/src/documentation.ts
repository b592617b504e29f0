import type { KeyDoc } from './key-docs.js';
import { choices } from './key-tree.js';
import type { KeyNode, SectionNode } from './key-tree.js';
import { presetText } from './settings.js';

/** The keys as Markdown: a heading per section of the top level, a table of all keys below it. */
export function keyTables(tree: SectionNode): string {
  return [...tree.keys].map(([name, node]) => chapter(name, node)).join('\n');
}

function chapter(name: string, node: KeyNode): string {
  const lead = [node.description, ...remarks(node.doc)].filter((part) => part !== undefined);
  const rows = node.shape === 'section' ? sectionRows(name, node) : [row(name, node)];
  const title = `## \`${name}\`\n\n${node.shape === 'section' && lead.length > 0 ? `${lead.join(' ')}\n\n` : ''}`;
  return `${title}| Key | Type | Default | Meaning |\n| --- | --- | --- | --- |\n${rows.join('')}`;
}

function sectionRows(path: string, node: SectionNode): readonly string[] {
  return [...node.keys].flatMap(([name, key]) => keyRows(`${path}.${name}`, key));
}

function keyRows(path: string, node: KeyNode): readonly string[] {
  if (node.shape === 'section') {
    const own = node.description !== undefined || remarks(node.doc).length > 0;
    return [...(own ? [row(path, node)] : []), ...sectionRows(path, node)];
  }
  if (node.shape === 'list' && node.item.shape === 'section') {
    return [row(path, node), ...sectionRows(`${path}[]`, node.item)];
  }
  return [row(path, node)];
}

function row(path: string, node: KeyNode): string {
  const cells = [
    `\`${path}\``,
    typeText(node),
    defaultText(node),
    [node.description, ...remarks(node.doc)].filter((part) => part !== undefined).join(' '),
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
}

function remarks(doc: KeyDoc): readonly string[] {
  return [
    ...(doc.ours ? ['*Holdfast only.*'] : []),
    ...(doc.live ? ['*Changes on `SIGHUP`.*'] : []),
    ...(doc.moot ? [`**No effect**: ${doc.moot}.`] : []),
    ...(doc.outdated ? [`**Outdated**: ${doc.outdated}.`] : []),
    ...(doc.ignored ? [`**Not supported${doc.only ? ` ${doc.only}` : ''}**: ${doc.ignored}.`] : []),
    ...(doc.refused ? [`**Refused**: ${doc.refused}.`] : []),
  ];
}

function typeText(node: KeyNode): string {
  switch (node.shape) {
    case 'section':
      return choices(node).length > 0 ? 'section, or a name' : 'section';
    case 'list':
      return node.item.shape === 'section' ? 'list of sections' : `list of ${typeText(node.item)}`;
    case 'map':
      return node.doc.kind === undefined ? 'names and values' : 'headers';
    case 'free':
      return 'anything';
    case 'value':
      if (node.doc.words !== undefined && node.doc.words.length > 6) return 'name';
      return node.doc.words?.map((word) => `\`${word}\``).join(', ') ?? kindText(node.doc.kind);
  }
}

function kindText(kind: KeyDoc['kind']): string {
  return kind === 'pattern' ? 'regular expression' : (kind ?? 'text');
}

function defaultText(node: KeyNode): string {
  if (node.shape === 'section') return '';
  if (node.doc.otherwise !== undefined) return node.doc.otherwise;
  const preset = presetText(node.preset);
  if (preset === undefined) return node.required ? '*must be set*' : '';
  if (Array.isArray(preset)) return preset.length === 0 ? 'none' : preset.map(code).join(', ');
  return typeof preset === 'string' ? code(preset) : 'none';
}

function code(value: unknown): string {
  return `\`${String(value)}\``;
}
