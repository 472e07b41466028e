/** What is under way: a button that is pressed twice does what it says once. */

export class PendingActions {
  /** Carry it out, unless an action with this key is under way. */
  async run(key: string, action: () => Promise<unknown>): Promise<void> {
    if (this._keys.has(key)) {
      return;
    }
    this._keys.add(key);
    try {
      await action();
    } finally {
      this._keys.delete(key);
    }
  }

  private readonly _keys = new Set<string>();
}
