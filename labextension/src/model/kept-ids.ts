/** Ids that somebody needs, each until everybody who said so needs it no longer. */
export class KeptIds {
  /** @param _onRelease Is called when an id may be needed no longer. */
  constructor(private readonly _onRelease: () => void) {}

  has(id: string): boolean {
    return this._counts.has(id);
  }

  /** Keep it until the result is called. */
  keep(id: string): () => void {
    this._counts.set(id, (this._counts.get(id) ?? 0) + 1);
    let isKept = true;
    return () => {
      if (isKept) {
        isKept = false;
        this._release(id);
      }
    };
  }

  private _release(id: string): void {
    const count = (this._counts.get(id) ?? 1) - 1;
    if (count === 0) {
      this._counts.delete(id);
    } else {
      this._counts.set(id, count);
    }
    this._onRelease();
  }

  private readonly _counts = new Map<string, number>();
}
