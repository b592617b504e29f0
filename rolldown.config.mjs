/**
 * One folder with all that a start loads: docs/adr/0027-one-bundle.md. The entries that are not the command line are programs
 * of their own, which find themselves beside the file that starts them.
 */
export default {
  input: {
    holdfast: 'apps/cli/src/main.ts',
    'worker-process': 'apps/registry/src/workers/worker-process.ts',
    'hash-worker': 'libs/content/src/uploads/hash-worker.ts',
  },
  platform: 'node',
  tsconfig: 'tsconfig.base.json',
  resolve: { conditionNames: ['source', 'import', 'node', 'default'] },
  external: [
    // Native.
    'bcrypt',
    // Loaded by those who need them only, and large: they stay as their makers test them.
    'acme-client',
    'google-auth-library',
    /^@(aws-sdk|azure|google-cloud)\//,
    // What Nest would use if it were there.
    /^@nestjs\/(microservices|websockets|platform-express)/,
    /^@fastify\/(multipart|static|view)$/,
    /^class-(transformer|validator)$/,
  ],
  output: { dir: 'dist/holdfast' },
};
