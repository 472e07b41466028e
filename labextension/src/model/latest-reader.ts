/** Reads something again when it has changed: one reading at a time, and none too many. */

export interface IReading<T> {
  readonly read: () => Promise<T>;
  readonly give: (value: T) => void;
  readonly fail: (error: unknown) => void;
}

export class LatestReader<T> {
  /** @param _pause Between the end of a reading and the next one. Milliseconds. */
  constructor(
    private readonly _reading: IReading<T>,
    private readonly _pause: number
  ) {}

  /** Read now; while a reading is under way, or just over, soon after it. */
  ask(): void {
    if (this._isBusy) {
      this._isAsked = true;
    } else if (!this._isStopped) {
      void this._read();
    }
  }

  /** Read now, whatever the pause; while a reading is under way, right after it. */
  askNow(): void {
    this._isUrgent = true;
    this.ask();
    if (this._timer !== undefined) {
      clearTimeout(this._timer);
      this._goOn();
    }
  }

  /** Nothing is given any more. */
  stop(): void {
    this._isStopped = true;
    clearTimeout(this._timer);
  }

  private async _read(): Promise<void> {
    this._isBusy = true;
    this._isAsked = false;
    this._isUrgent = false;
    const { read, give, fail } = this._reading;
    const result = await read().then(
      value => () => give(value),
      (error: unknown) => () => fail(error)
    );
    if (!this._isStopped) {
      result();
      const pause = this._isUrgent ? 0 : this._pause;
      this._timer = setTimeout(() => this._goOn(), pause);
    }
  }

  private _goOn(): void {
    this._timer = undefined;
    this._isBusy = false;
    if (this._isAsked) {
      this.ask();
    }
  }

  private _isBusy = false;
  private _isAsked = false;
  private _isUrgent = false;
  private _isStopped = false;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
