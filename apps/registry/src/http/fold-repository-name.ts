const base = '/v2/';
/** Beyond this a name is refused whatever it says (the grammar ends at 255), so the router need not see the rest. */
const longestName = 300;
/** An escape that is none: the router refuses the request. */
const unreadable = `${base}%`;
const probesWithSlash = new Set(['/startupz/', '/livez/', '/readyz/']);

/**
 * A repository's name contains slashes, which no router can match in the middle of a path. Folded into one segment
 * (`a/b` → `a%2Fb`) it lets the controllers say `/v2/:name/blobs/:digest`, as the spec does. The path is read from its
 * end, where the spec leaves no doubt: a digest, a tag and an upload id have no slash, so that a repository may be called
 * `blobs/uploads` or `tags/list`.
 *
 * What the client escaped stays escaped, everywhere in the path: `%2F` or `%74ags` must not mean another repository here
 * than to a proxy in front of us. Only a colon is read, because clients escape the one of a digest.
 *
 * @param prefix `http.prefix`, with a slash at both ends. Below it lies all of `/v2/`.
 */
export function foldRepositoryName(url: string, prefix = '/'): string {
  const path = pathBelow(prefix, url);
  const end = endOfPath(path);
  if (!path.startsWith(base)) {
    return withoutEscapes(withoutSlashOfProbe(path.slice(0, end))) + path.slice(end);
  }
  // "/v2/" and "/v2", "/blobs/uploads/" and "/blobs/uploads" are one resource: proxies take the slash away.
  if (end === base.length) return path.slice(0, end - 1) + path.slice(end);
  const last = path.lastIndexOf('/', end - 1);
  const nameEnd = endOfName(path, last);
  if (nameEnd < base.length) return withoutEscapes(path, 0, end) + path.slice(end);
  const name = path.slice(base.length, Math.min(nameEnd, base.length + longestName));
  const rest = withoutEscapes(path, nameEnd, last === end - 1 ? last : end);
  return rest === unreadable ? rest : base + escapeSlashes(name) + rest + path.slice(end);
}

/** The path of a probe without the slash at its end: a load balancer takes a redirect for a replica that is not well. */
export function withoutSlashOfProbe(path: string): string {
  return probesWithSlash.has(path) ? path.slice(0, -1) : path;
}

/**
 * A path without the one slash too many at its end, as it is told below `http.prefix`; undefined for every other, and for
 * what a header could not hold.
 */
export function withoutLastSlash(url: string, prefix = '/'): string | undefined {
  const path = pathBelow(prefix, url);
  const end = endOfPath(path);
  const isOneTooMany = /^[!-$&-~]*[!-$&-.0-~]\/$/.test(path.slice(0, end));
  const isPlain = isOneTooMany && /^[!-~]*$/.test(path.slice(end));
  return isPlain ? path.slice(0, end - 1) + path.slice(end) : undefined;
}

/** The index of the slash after the name, or -1 where the path names no repository. */
function endOfName(path: string, last: number): number {
  const second = path.lastIndexOf('/', last - 1);
  if (second < base.length) return -1;
  switch (path.slice(second + 1, last)) {
    case 'manifests':
    case 'blobs':
    case 'tags':
    case 'referrers':
      return second;
    case 'uploads':
      return path.startsWith('/blobs', second - '/blobs'.length) ? second - '/blobs'.length : -1;
    default:
      return -1;
  }
}

function escapeSlashes(name: string): string {
  const escaped = name.includes('%') ? name.replaceAll('%', '%25') : name;
  return escaped.includes('/') ? escaped.replaceAll('/', '%2F') : escaped;
}

/** Text that the router reads as it stands here, letter by letter. */
function withoutEscapes(path: string, start = 0, end = path.length): string {
  const text = path.slice(start, end);
  if (!text.includes('%')) return text;
  return /%(?![0-9a-f]{2})/i.test(text) ? unreadable : text.replaceAll(/%(?!3a)/gi, '%25');
}

function endOfPath(url: string): number {
  const query = url.indexOf('?');
  const fragment = url.indexOf('#');
  if (fragment >= 0 && (query < 0 || fragment < query)) return fragment;
  return query < 0 ? url.length : query;
}

/** Without `http.prefix`; a path to the API that lacks it leads nowhere. */
function pathBelow(prefix: string, url: string): string {
  const path = url.startsWith('/') ? url : withoutOrigin(url);
  if (prefix === '/') return path;
  if (path.startsWith(prefix)) return path.slice(prefix.length - 1);
  return path.startsWith('/v2') ? `/outside-http-prefix${path}` : path;
}

/** The absolute form of a request's target (RFC 9112 §3.2.2), which proxies send, as a path. */
function withoutOrigin(url: string): string {
  const path = url.replace(/^https?:\/\/[^/?#]*/i, '');
  if (path === url) return url === '*' ? url : unreadable;
  return path.startsWith('/') ? path : `/${path}`;
}
