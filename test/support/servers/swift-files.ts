/** The servers that have a ring each. */
export const ringServers = ['object', 'container', 'account'] as const;
type RingServer = (typeof ringServers)[number];

export const swiftFile = `[swift-hash]
swift_hash_path_prefix = t
swift_hash_path_suffix = t
[storage-policy:0]
name = default
default = yes
`;

export function ringServerFile(name: RingServer, port: number, root: string): string {
  return `${common(port, root)}
devices = ${root}/dev
mount_check = false
disable_fallocate = true
recon_cache_path = ${root}/recon
[pipeline:main]
pipeline = healthcheck ${name}-server
[app:${name}-server]
use = egg:swift#${name}
${filter('healthcheck')}`;
}

/** Where the proxy has tokens looked at, and as whom. */
export interface KeystoneAccess {
  /** `http://ADDRESS:PORT` */
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

export interface ProxyFileOptions {
  readonly port: number;
  readonly root: string;
  readonly memcached: number;
  readonly s3api: boolean;
  readonly account: string;
  readonly user: string;
  readonly key: string;
  readonly keystone?: KeystoneAccess | undefined;
}

export function proxyFile({
  port,
  root,
  memcached,
  s3api,
  account,
  user,
  key,
  keystone,
}: ProxyFileOptions): string {
  const s3 = s3api ? 's3api ' : '';
  const auth = keystone === undefined ? 'tempauth' : 'authtoken keystoneauth';
  return `${common(port, root)}
[pipeline:main]
pipeline = catch_errors healthcheck proxy-logging cache listing_formats bulk tempurl ${s3}${auth} copy slo dlo versioned_writes proxy-logging proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:proxy-logging]
use = egg:swift#proxy_logging
${filter('cache', 'memcache', cacheSettings(memcached))}
${filter('tempurl', 'tempurl', 'allowed_digests = sha1 sha256 sha512')}
${filter('tempauth', 'tempauth', `user_${account}_${user} = ${key} .admin`)}
${keystone === undefined ? '' : keystoneFilters(keystone)}
${filter('slo', 'slo', 'min_segment_size = 1')}
${filter('s3api', 's3api', 'location = us-east-1')}
${['catch_errors', 'healthcheck', 'listing_formats', 'bulk', 'copy', 'dlo', 'versioned_writes'].map((name) => filter(name)).join('\n')}`;
}

/** Writes the rings of servers given as `NAME:PORT` to a folder: one device each, without replicas. */
export const ringScript = `import sys
from swift.common.ring import RingBuilder
folder = sys.argv[1]
for name, port in (server.split(':') for server in sys.argv[2:]):
    address = {'ip': '127.0.0.1', 'port': int(port)}
    replication = {'replication_' + key: value for key, value in address.items()}
    builder = RingBuilder(4, 1, 1)
    builder.add_dev({'region': 1, 'zone': 1, 'device': 'sd1', 'weight': 1, **address, **replication})
    builder.rebalance()
    builder.get_ring().save(folder + '/' + name + '.ring.gz')
`;

function keystoneFilters({ url, user, password }: KeystoneAccess): string {
  return `[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = ${url}
auth_url = ${url}
auth_type = password
user_domain_id = default
project_domain_id = default
project_name = ${user}
username = ${user}
password = ${password}
delay_auth_decision = True
${filter('keystoneauth', 'keystoneauth', 'operator_roles = admin, member')}`;
}

/** A few errors, such as requests that are cut off, would keep the proxy from its cache, and so from logins, for a minute. */
function cacheSettings(port: number): string {
  return `memcache_servers = 127.0.0.1:${port}
error_suppression_interval = 0`;
}

/** One process each, without workers of their own, so that a signal reaches the server. */
function common(port: number, root: string): string {
  return `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = root
swift_dir = ${root}`;
}

function filter(name: string, implementation = name, setting = ''): string {
  return `[filter:${name}]
use = egg:swift#${implementation}
${setting}`;
}
