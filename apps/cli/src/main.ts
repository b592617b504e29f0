import { failure } from './failure.js';
import { program } from './program.js';

try {
  await program().parseAsync();
} catch (error) {
  process.exitCode = failure(error);
}
