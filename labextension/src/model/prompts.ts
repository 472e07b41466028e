/** A question about a run that failed: what can be decided, and what is left of its time. */
import type { IForm, IMessageRow, JsonObject } from '../wire';
import { momentOf } from './durations';
import type { IFormButton } from './fields';

/** The decision for which the source is edited, as the engine names it. */
export const RETRY_CELL = 'retry_cell';

/** The field with the source of the cell that failed. */
export const SOURCE = 'source';

/** Less than this is left: it is said more loudly. Seconds. */
const HURRY = 60;

export interface ITimeLeft {
  /** Until nobody is asked any longer; 0: it is over. */
  readonly seconds: number;
  readonly isShort: boolean;
}

/** Null: it waits without a limit. */
export function timeLeft(
  expiresAt: string | null,
  now: number
): ITimeLeft | null {
  const moment = momentOf(expiresAt);
  if (moment === null) {
    return null;
  }
  const seconds = Math.max(0, (moment - now) / 1000);
  return { seconds, isShort: seconds < HURRY };
}

/** The choice of this name; if it is gone, because a kernel was lost, the first one. */
export function chosenOf(
  choices: readonly IFormButton[],
  name: string | null
): IFormButton | undefined {
  return choices.find(choice => choice.name === name) ?? choices[0];
}

/** The button that an answer pressed; null: none of these. */
export function pressedOf(
  response: JsonObject | null,
  choices: readonly IFormButton[]
): IFormButton | null {
  return choices.find(({ name }) => response?.[name] === true) ?? null;
}

/** The source that the cell had when it failed; null: there is none to be edited. */
export function sourceOf(form: IForm): string | null {
  const source = form.properties[SOURCE]?.default;
  return typeof source === 'string' ? source : null;
}

/** The other messages that wait, the oldest first. */
export function othersThan(
  messageId: string,
  messages: readonly IMessageRow[]
): readonly IMessageRow[] {
  return messages.filter(({ message_id: id }) => id !== messageId);
}

/** The oldest question of one of these runs, or about one of them; undefined: none waits. */
export function questionAbout(
  messages: readonly IMessageRow[],
  runIds: ReadonlySet<string>
): IMessageRow | undefined {
  return messages.find(
    ({ execution_id: asking, about_id: about }) =>
      runIds.has(asking) || (about !== null && runIds.has(about))
  );
}
