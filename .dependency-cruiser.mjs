/** What each library may import besides itself; the same edges as the references in the tsconfigs. */
const libraries = {
  oci: [],
  config: [],
  telemetry: ['config'],
  storage: ['telemetry', 'config'],
  redis: ['telemetry', 'config'],
  cache: ['oci', 'redis'],
  content: ['oci', 'storage', 'cache', 'telemetry', 'config'],
  auth: ['oci', 'telemetry', 'config'],
};

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    { name: 'libs-know-no-app', severity: 'error', from: { path: '^libs/' }, to: { path: '^apps/' } },
    {
      name: 'apps-are-strangers',
      severity: 'error',
      from: { path: '^apps/registry/' },
      to: { path: '^apps/(?!registry/)' },
    },
    {
      name: 'oci-is-pure',
      severity: 'error',
      from: { path: '^libs/oci/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm', 'npm-dev'] },
    },
    {
      name: 'no-http-below-the-app',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: 'node_modules/(fastify|@nestjs/platform-fastify)' },
    },
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      from: { pathNot: '(\\.spec\\.ts$|/testing/|^test/)' },
      to: { path: '/testing/' },
    },
    ...Object.entries(libraries).map(([library, allowed]) => ({
      name: `${library}-imports-only-${allowed.join('-and-') || 'itself'}`,
      severity: 'error',
      from: { path: `^libs/${library}/` },
      to: { path: '^libs/', pathNot: [library, ...allowed].map((name) => `^libs/${name}/`) },
    })),
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^dist/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
    },
  },
};
