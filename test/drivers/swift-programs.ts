/** What `Swift.start` starts. */
export const swiftPrograms = [
  'swift-proxy-server',
  'swift-object-server',
  'swift-container-server',
  'swift-account-server',
  'memcached',
] as const;
