import { readFileSync } from 'node:fs';

import { z } from 'zod';

import { complaint } from './complaint.js';
import { ConfigError } from './config-error.js';
import { isSection } from './document.js';
import type { DocumentSection } from './document.js';
import { environment, registryVariables } from './environment.js';
import type { Environment } from './environment.js';
import { Inspection } from './inspect.js';
import type { Problem } from './inspect.js';
import { keyText } from './key-text.js';
import { keyTree } from './key-tree.js';
import type { KeyNode, KeyPath } from './key-tree.js';
import { newSection, normalize } from './normalize.js';
import { overlay } from './overlay.js';
import type { Overlay } from './overlay.js';
import { readYaml, YamlError } from './read-yaml.js';
import { settingsOf } from './settings.js';
import type { Setting } from './settings.js';

/** A file as it stood when it was read. What it says may be secret. */
export interface ConfigSource {
  readonly path: string;
  readonly text: string;
}

export interface LoadedConfig<T> {
  readonly config: T;
  readonly warnings: readonly string[];
  /** The file it came from, if there was one. */
  readonly path: string | undefined;
  /** With the same environment it gives the same again, whatever became of the file. */
  readonly source: ConfigSource | undefined;
  /** Every key that has a value, with where the value came from. */
  readonly settings: ReadonlyMap<string, Setting>;
  readonly tree: KeyNode;
}

interface LoadOptions<Schema extends z.ZodType> {
  readonly schema: Schema;
  /** Given on the command line; else `REGISTRY_CONFIGURATION_PATH`, else there is no file. */
  readonly path?: string | undefined;
  /** What another process has read, in place of the file. */
  readonly source?: ConfigSource | undefined;
  readonly env?: Environment;
  /** Fills in what depends on whether there is a file. */
  readonly complete?: (document: DocumentSection, hasFile: boolean) => void;
}

const largestFile = 1024 ** 2;

// Compiled parsers pay off after many documents; here there is one.
z.config({ jitless: true });

/** @throws {ConfigError} with all that is wrong, one line each */
export function loadConfig<Schema extends z.ZodType>(
  options: LoadOptions<Schema>,
): LoadedConfig<z.output<Schema>> {
  const env = options.env ?? environment();
  const source = options.source ?? readSource(options.path, env);
  const path = source?.path;
  const tree = keyTree(options.schema);
  const document = source ? documentIn(tree, source) : newSection([['version', '0.1']]);
  const inFile: ReadonlyMap<string, Setting> = source ? settingsOf(tree, document) : new Map();
  const laid = overlay(tree, document, registryVariables(env));
  const set = settingsOf(tree, document);
  options.complete?.(document, path !== undefined);

  const inspection = new Inspection(tree);
  const clean = inspection.run(document);
  const origin = (key: KeyPath) => variableOf(laid, key);
  const problems = inspection.problems.map((problem) => described(problem, origin));
  const result = options.schema.safeParse(clean);
  if (!result.success) {
    const reported = inspection.problems.map((problem) => problem.path);
    for (const issue of result.error.issues) {
      const problem = complaint(tree, clean, issue);
      if (!reported.some((other) => related(other, problem.path))) {
        problems.push(described(problem, origin));
      }
    }
  }
  const lines = [...laid.problems, ...problems];
  if (lines.length > 0 || !result.success) throw new ConfigError([...new Set(lines)]);

  const settings = new Map<string, Setting>();
  for (const [key, setting] of settingsOf(tree, document, { presets: true })) {
    const variable = origin(setting.path);
    const source = variable && set.has(key) ? `environment ${variable}` : inFile.has(key) && 'file';
    settings.set(key, { ...setting, source: source || 'default' });
  }
  const warnings = [...laid.warnings, ...inspection.warnings];
  return { config: result.data, warnings, path, source, settings, tree };
}

function readSource(given: string | undefined, env: Environment): ConfigSource | undefined {
  const path = given ?? (env['REGISTRY_CONFIGURATION_PATH'] || undefined);
  if (path === undefined) return undefined;
  try {
    const bytes = readFileSync(path);
    if (bytes.length > largestFile) throw new ConfigError([`${path}: larger than 1 MiB`]);
    return { path, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([`${path}: ${fileProblem(error)}`]);
  }
}

function documentIn(tree: KeyNode, { path, text }: ConfigSource): DocumentSection {
  try {
    const document = normalize(tree, readYaml(text));
    if (isSection(document)) return document;
  } catch (error) {
    if (error instanceof YamlError) throw new ConfigError([`${path}: ${error.message}`]);
    throw error;
  }
  throw new ConfigError([`${path}: expected keys such as "version: 0.1"`]);
}

function fileProblem(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : '';
  switch (code) {
    case 'ENOENT':
      return 'there is no such configuration file';
    case 'EACCES':
      return 'the configuration file may not be read';
    case 'EISDIR':
      return 'the configuration file is a folder';
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'the configuration file is not UTF-8 text';
    default:
      return `the configuration file cannot be read (${String(code)})`;
  }
}

function described({ path, message }: Problem, origin: (key: KeyPath) => string | undefined) {
  const variable = origin(path);
  return variable === undefined ? message : `${message} (set by ${variable})`;
}

/** The variable that said the last word about a key. */
function variableOf({ origins }: Overlay, key: KeyPath): string | undefined {
  return origins.findLast(({ path }) => path.every((step, index) => same(step, key[index])))
    ?.variable;
}

function same(step: string | number, other: string | number | undefined): boolean {
  return String(step).toLowerCase() === String(other).toLowerCase();
}

function related(a: KeyPath, b: KeyPath): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  return keyText(long.slice(0, short.length)) === keyText(short);
}
