import { keyTables } from '#config/documentation.js';
import { jsonSchema } from '#config/json-schema.js';
import { keyTree } from '#config/key-tree.js';

import { configSchema } from './config.js';

const introduction = `# Configuration

<!-- Made from the schemas by \`npm run docs:configuration\`; change the description beside the key in the code. -->

Holdfast reads the configuration of Distribution (\`registry:2\`, \`registry:3\`), version 0.1: the same file, the same
\`REGISTRY_…\` variables. Nothing has to be configured: without a file it serves port 5000 and keeps its data in \`./data\`.

\`\`\`
holdfast serve config.yml        # or REGISTRY_CONFIGURATION_PATH=config.yml holdfast serve
holdfast config check config.yml # what is wrong with it, all at once
holdfast config print config.yml # what applies, and where each value comes from
\`\`\`

\`\`\`yaml
version: 0.1
storage:
  filesystem:
    rootdirectory: /var/lib/registry
  delete:
    enabled: true
http:
  addr: :5000
  tls:
    certificate: /certs/registry.pem
    key: /certs/registry.key
auth:
  htpasswd:
    realm: registry
    path: /auth/htpasswd
\`\`\`

An editor that knows JSON Schema can help with [configuration.schema.json](configuration.schema.json).

## How values are written

- **duration**: as Go writes it, \`10s\`, \`168h\`, \`1h30m\`, \`100ms\`. A bare number counts nanoseconds.
- **size**: \`10MB\`, \`64KiB\`, or bytes. \`MB\` is 1024 × 1024 bytes, as Distribution means it, and so is \`MiB\`.
- **boolean**: \`true\` or \`false\`; also \`yes\`, \`on\`, \`1\` and their opposites, quoted or not.
- **secret**: text that is shown nowhere: not in the log, not in messages, not by \`config print\`.
- A key with nothing behind it, or with empty text, is not set.

## Variables

\`REGISTRY_HTTP_TLS_KEY\` sets \`http.tls.key\`: the path in capitals with underscores. Variables win over the file and apply
whether or not the file has the section.

- An entry of a list has its number: \`REGISTRY_HTTP_TLS_CLIENTCAS_0=/certs/ca.pem\`.
- A whole section or list may be given as YAML or JSON: \`REGISTRY_STORAGE_MAINTENANCE_READONLY='{"enabled": true}'\`.
- \`REGISTRY_STORAGE=inmemory\` or \`REGISTRY_AUTH=htpasswd\` chooses one of the sections that exclude each other; what the
  file says of the others is put aside.
- Headers keep the case of their names; a name all in capitals gets its usual case, and underscores stand for hyphens:
  \`REGISTRY_HTTP_HEADERS_X_CONTENT_TYPE_OPTIONS='[nosniff]'\`.
- An empty variable takes a value away, so that the default applies. It is refused for \`auth\`, \`tls\` and what is below them,
  where the default is more open than what was meant.

## What is not understood

A key of the file that is not in this list stops the start, with its path and the key that was probably meant. So does a
variable below \`REGISTRY_AUTH_\` and \`REGISTRY_HTTP_TLS_\`. Other unknown \`REGISTRY_…\` variables are named in one warning
each; those that Kubernetes makes for services (\`REGISTRY_PORT=tcp://…\`) are passed over.

Keys of Distribution that Holdfast knows and does not obey are in the tables: **not supported** means a warning at the
start that says what happens instead, **refused** means that the server does not start, because going on without would open
the registry or lose something.

On \`SIGHUP\` the file and the variables are read again. Keys that can change at once do, certificates and accounts are
read again, and the log names the keys that wait for a restart.

`;

export function configurationPage(): string {
  return introduction + keyTables(tree());
}

export function jsonSchemaText(): string {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Holdfast configuration, version 0.1',
    ...jsonSchema(tree()),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function tree() {
  const root = keyTree(configSchema);
  if (root.shape !== 'section') throw new TypeError('the configuration is a section');
  return root;
}
