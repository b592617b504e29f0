import { BrokenOff } from '../bucket/broken-off.js';
import type { AnswerHeaders } from './s3-answer.js';
import type { S3Calls } from './s3-calls.js';
import { statusOf } from './s3-errors.js';

/**
 * One attempt. An answer to HEAD has no body, so that a refusal does not tell its reason; the same is then asked in a way
 * that does.
 */
export async function headObject(
  calls: S3Calls,
  name: string,
  signal: AbortSignal,
): Promise<AnswerHeaders> {
  try {
    return await calls.ask({ method: 'HEAD', name }, signal);
  } catch (error) {
    const status = statusOf(error);
    if (status !== 400 && status !== 403) throw error;
  }
  try {
    await calls.ask({ method: 'GET', name, headers: { range: 'bytes=0-0' } }, signal);
  } catch (error) {
    if (statusOf(error) !== 416) throw error;
  }
  throw new BrokenOff('a refusal that is over');
}

/** Whether it is there. */
export async function isThere(...asked: Parameters<typeof headObject>): Promise<boolean> {
  try {
    await headObject(...asked);
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}
