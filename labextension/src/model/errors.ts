/** The one error that the panel shows. */

/** Why a request was not done: a code for programs, a sentence for people. */
export class EngineError extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** The HTTP status; 0: there was no response. */
    readonly status: number
  ) {
    super(message);
    this.name = 'EngineError';
  }
}

/** The sentence of any error, to be shown. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
