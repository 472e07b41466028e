/** What a person filled in to start a flow, a file, or a run again. */
import type { JsonObject } from '../wire';

export interface IStartRequest {
  readonly inputs: JsonObject;
  /** What was typed, by name, where the value does not show it. */
  readonly texts: { readonly [name: string]: string };
  readonly name: string | null;
  /** Whether a person is asked if a cell fails. */
  readonly asksPerson: boolean;
  /** Whether its kernel is kept after its end. */
  readonly keepsKernel: boolean;
}
