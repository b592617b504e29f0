const base = '/v2/';
/** Beyond this a name is refused whatever it says (the grammar ends at 255), so the router need not see the rest. */
const longestName = 300;

/**
 * A repository's name contains slashes, which no router can match in the middle of a path. Folded into one segment
 * (`a/b` → `a%2Fb`) it lets the controllers say `/v2/:name/blobs/:digest`, as the spec does. The path is read from its
 * end, where the spec leaves no doubt: a digest, a tag and an upload id have no slash, so that a repository may be called
 * `blobs/uploads` or `tags/list`.
 *
 * What the client escaped in a name stays escaped and is refused by the grammar of names: `%2F` or `%2e%2e` must not mean
 * another repository here than to a proxy in front of us.
 *
 * @param prefix `http.prefix`, with a slash at both ends. Below it lies all of `/v2/`.
 */
export function foldRepositoryName(url: string, prefix = '/'): string {
  const path = withoutPrefix(url.startsWith('/') ? url : withoutOrigin(url), prefix);
  if (!path.startsWith(base)) return path;
  const end = endOfPath(path);
  const last = path.lastIndexOf('/', end - 1);
  const nameEnd = endOfName(path, last);
  if (nameEnd < base.length) return path;
  const name = path.slice(base.length, Math.min(nameEnd, base.length + longestName));
  // "/blobs/uploads/" and "/blobs/uploads" are one resource: proxies take the slash away.
  const restEnd = last === end - 1 && path.startsWith('/blobs/uploads/', nameEnd) ? last : end;
  return base + escapeSlashes(name) + path.slice(nameEnd, restEnd) + path.slice(end);
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

function endOfPath(url: string): number {
  const query = url.indexOf('?');
  const fragment = url.indexOf('#');
  if (fragment >= 0 && (query < 0 || fragment < query)) return fragment;
  return query < 0 ? url.length : query;
}

/** Without `http.prefix`; a path to the API that lacks it leads nowhere. */
function withoutPrefix(path: string, prefix: string): string {
  if (prefix === '/') return path;
  if (path.startsWith(prefix)) return path.slice(prefix.length - 1);
  return path.startsWith('/v2') ? `/outside-http-prefix${path}` : path;
}

/** The absolute form of a request's target (RFC 9112 §3.2.2), which proxies send, as a path. */
function withoutOrigin(url: string): string {
  const authority = url.indexOf('://');
  if (authority < 0) return url;
  const path = url.indexOf('/', authority + 3);
  return path < 0 ? '/' : url.slice(path);
}
