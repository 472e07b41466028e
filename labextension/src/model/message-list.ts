/** The messages that this window knows, and those of them that wait. */
import type { IMessageRow } from '../wire';
import { oldestFirst } from './sorted-ids';

/** Messages that are kept, inclusive, unless more of them wait. */
export const MOST_MESSAGES = 1_000;

const NO_MESSAGES: readonly IMessageRow[] = Object.freeze([]);

export class MessageList {
  /** @param _touch Is called with each change. */
  constructor(private readonly _touch: () => void) {}

  get(messageId: string): IMessageRow | undefined {
    return this._messages.get(messageId);
  }

  /** Those that wait for an answer, the oldest first. */
  get open(): readonly IMessageRow[] {
    return this._open;
  }

  /** Take in one row. One that is older than the row here changes nothing. */
  take(row: IMessageRow): void {
    const current = this._messages.get(row.message_id);
    if (current && current.last_seq >= row.last_seq) {
      return;
    }
    if (row.status === 'NOTE') {
      return;
    }
    this._messages.set(row.message_id, row);
    if (row.status === 'OPEN' || current?.status === 'OPEN') {
      this._sort();
    }
    this._touch();
    this._dropOld();
  }

  /** Take all that wait; those that came after `seq` wait, too. */
  setOpen(rows: readonly IMessageRow[], seq: number): void {
    const ids = new Set(rows.map(row => row.message_id));
    for (const message of this._open) {
      if (!ids.has(message.message_id) && message.last_seq <= seq) {
        this._messages.delete(message.message_id);
      }
    }
    rows.forEach(row => this.take(row));
    this._sort();
  }

  /** Remove those of these runs, and of what is under these roots. */
  removeOf(ids: ReadonlySet<string>): void {
    for (const message of [...this._messages.values()]) {
      if (ids.has(message.execution_id) || ids.has(message.root_id)) {
        this._messages.delete(message.message_id);
      }
    }
    this._sort();
  }

  /** Those that are over are kept for a while: a list that was read late still has them. */
  private _dropOld(): void {
    if (this._messages.size > MOST_MESSAGES) {
      const old = [...this._messages.values()].find(
        message => message.status !== 'OPEN'
      );
      if (old !== undefined) {
        this._messages.delete(old.message_id);
      }
    }
  }

  private _sort(): void {
    this._open = [...this._messages.values()]
      .filter(message => message.status === 'OPEN')
      .sort((a, b) => oldestFirst(a.message_id, b.message_id));
    this._touch();
  }

  private readonly _messages = new Map<string, IMessageRow>();
  private _open: readonly IMessageRow[] = NO_MESSAGES;
}
