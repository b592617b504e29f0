/** Whether the text is `host` or `host:port`: a name, an IPv4 address or an IPv6 address in brackets; nothing that could leave the authority of a URL. */
export function isHostAndPort(text: string): boolean {
  if (text.length === 0 || text.length > 261) return false;
  const end = text[0] === '[' ? skipBracketed(text) : skipName(text);
  if (end <= 0) return false;
  return end === text.length || isPort(text, end);
}

/**
 * Whether the text may be the value of `Host` (RFC 9110 §7.2): any host of a URL's grammar, even none, but no user. Clients
 * send the zone of an address (RFC 6874) too, with its `%` escaped or not.
 */
export function isHostField(text: string): boolean {
  const name = /^(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*(?::\d*)?$/i;
  const bracketed = /^\[[\w.:~!$&'()*+,;=-]+(?:%(?:[\w.~-]|%[\da-f]{2})+)?\](?::\d*)?$/i;
  return name.test(text) || bracketed.test(text);
}

/** The text without its port. */
export function withoutPort(text: string): string {
  const colon = text.lastIndexOf(':');
  return colon > text.lastIndexOf(']') ? text.slice(0, colon) : text;
}

function skipName(text: string): number {
  let index = 0;
  while (index < text.length && isNameCharacter(text.charCodeAt(index))) index++;
  return index;
}

/** The index after `[…]` around hexadecimal digits, colons and dots; -1 otherwise. */
function skipBracketed(text: string): number {
  let index = 1;
  while (index < text.length && isAddressCharacter(text.charCodeAt(index))) index++;
  return index > 2 && text[index] === ']' ? index + 1 : -1;
}

function isPort(text: string, colon: number): boolean {
  const digits = text.length - colon - 1;
  if (text[colon] !== ':' || digits < 1 || digits > 5) return false;
  for (let index = colon + 1; index < text.length; index++) {
    if (!isDigit(text.charCodeAt(index))) return false;
  }
  return Number(text.slice(colon + 1)) <= 65_535;
}

function isDigit(char: number): boolean {
  return char >= 0x30 && char <= 0x39;
}

/** Letters, digits, `.`, `-`, `_`, `~`: the names that people give to hosts. */
function isNameCharacter(char: number): boolean {
  return (
    isDigit(char) ||
    (char >= 0x61 && char <= 0x7a) ||
    (char >= 0x41 && char <= 0x5a) ||
    char === 0x2d ||
    char === 0x2e ||
    char === 0x5f ||
    char === 0x7e
  );
}

function isAddressCharacter(char: number): boolean {
  return (
    isDigit(char) ||
    (char >= 0x61 && char <= 0x66) ||
    (char >= 0x41 && char <= 0x46) ||
    char === 0x3a ||
    char === 0x2e
  );
}
