/** Says that something waits for a person, while nobody looks at the inbox. */
import { Notification } from '@jupyterlab/apputils';
import type { IDisposable } from '@lumino/disposable';

import type { IFlowkernel } from '../tokens';
import type { IMessageRow } from '../wire';

/** Notifications at a time, inclusive; of more, one says how many there are. */
const MOST = 3;

export class MessageNotifications implements IDisposable {
  /**
   * @param isWatched Whether the inbox is in sight: then nothing is said.
   * @param onOpen What the button does.
   */
  constructor(
    private readonly _flowkernel: IFlowkernel,
    private readonly _isWatched: () => boolean,
    private readonly _onOpen: (messageId: string | null) => void
  ) {
    this._leaveEngine = _flowkernel.engine.subscribe(() => this._begin());
    this._leave = _flowkernel.store.subscribe(
      () => this._compare(),
      'messages'
    );
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Whether people want them. */
  isOn = true;

  dispose(): void {
    this._isDisposed = true;
    this._leave();
    this._leaveEngine();
    this.dismissAll();
  }

  /** Somebody looks at the inbox: they have done what they are for. */
  dismissAll(): void {
    this._shown.forEach(id => Notification.dismiss(id));
    this._shown.clear();
  }

  /** What waited already when the page opened stands on the status bar: it is no news. */
  private _begin(): void {
    const { engine, store } = this._flowkernel;
    if (engine.isCounted && !this._hasBegun) {
      this._hasBegun = true;
      const ids = store.openMessages.map(message => message.message_id);
      this._known = new Set(ids);
    }
  }

  private _compare(): void {
    const open = this._flowkernel.store.openMessages;
    const ids = new Set(open.map(message => message.message_id));
    for (const [messageId, notification] of this._shown) {
      if (!ids.has(messageId)) {
        Notification.dismiss(notification); // It was answered, here or elsewhere.
        this._shown.delete(messageId);
      }
    }
    const news = open.filter(message => !this._known.has(message.message_id));
    this._known = ids;
    if (this._hasBegun && this._isOn() && news.length > 0) {
      this._say(news);
    }
  }

  private _isOn(): boolean {
    return this.isOn && !this._isWatched();
  }

  private _say(news: readonly IMessageRow[]): void {
    const { trans } = this._flowkernel;
    if (news.length + this._shown.size > MOST) {
      const text = trans._n(
        '%1 run waits for you.',
        '%1 runs wait for you.',
        news.length
      );
      this._show(SUMMARY, text, () => this._onOpen(null));
      return;
    }
    for (const { message_id: id, subject, about_id: about } of news) {
      const text =
        about === null
          ? trans.__('A run asks: %1', subject)
          : trans.__('%1: what is to be done?', subject);
      this._show(id, text, () => this._onOpen(id));
    }
  }

  private _show(key: string, text: string, onOpen: () => void): void {
    const { trans } = this._flowkernel;
    const before = this._shown.get(key);
    if (before !== undefined) {
      Notification.dismiss(before);
    }
    const id = Notification.warning(text, {
      autoClose: false,
      actions: [
        {
          label: trans.__('Answer'),
          displayType: 'accent',
          callback: onOpen
        }
      ]
    });
    this._shown.set(key, id);
  }

  private readonly _leave: () => void;
  private readonly _leaveEngine: () => void;
  private readonly _shown = new Map<string, string>();
  private _known: ReadonlySet<string> = new Set();
  private _hasBegun = false;
  private _isDisposed = false;
}

/** The key of the notification for many messages: with the next change it is over. */
const SUMMARY = 'many';
