/** Ties together what the plugins share: requests, the stream of changes, and what is known. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import { Api } from './api';
import { showRunDialog } from './components/run-dialog';
import { EngineModel } from './model/engine';
import { RunStore } from './model/store';
import type { ISocket } from './stream';
import { ChangeStream } from './stream';
import { CommandIDs } from './tokens';
import type { IFlowkernel, IRefresh } from './tokens';
import type { IEngineState, IExecution, StreamMessage } from './wire';

/** A window that is hidden draws no frames: its listeners hear after this. Milliseconds. */
const HIDDEN_PAUSE = 50;

export class Client implements IFlowkernel, IDisposable {
  constructor(
    private readonly _commands: CommandRegistry,
    readonly trans: TranslationBundle,
    readonly api: Api = new Api()
  ) {
    this._stream = new ChangeStream({
      connect: seq => this._connect(seq),
      onMessage: message => this._receive(message),
      onConnected: isConnected => this._noteConnection(isConnected)
    });
    window.addEventListener('online', this._retry);
    document.addEventListener('visibilitychange', this._retry);
  }

  get refreshed(): ISignal<IFlowkernel, IRefresh> {
    return this._refreshed;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  follow(): void {
    this._stream.open();
  }

  /** Jupyter Server is away: try to reach it now. */
  reconnect(): void {
    this._stream.retryNow();
  }

  readonly open = (executionId: string): void => {
    if (this._commands.hasCommand(CommandIDs.openRun)) {
      void this._commands.execute(CommandIDs.openRun, { executionId });
    } else {
      showRunDialog(this, this._commands, executionId);
    }
  };

  readonly startEngine = async (): Promise<void> => {
    this.reconnect();
    this._noteEngine(await this.api.startEngine());
  };

  /** What has not ended, so that the counts are true, and the messages that wait. */
  private async _readWhatIsOpen(): Promise<void> {
    try {
      const query = '?level=root&is_ended=false&limit=1000';
      const rows = await this.api.all<IExecution>(`api/execution${query}`);
      this.store.addRuns(rows);
      const seq = this._stream.seq ?? Infinity;
      this.store.setOpenMessages(await this.api.openMessages(), seq);
      this.engine.noteCounted();
    } catch (error) {
      console.warn('flowkernel: what is open could not be read.', error);
    }
  }

  dispose(): void {
    this._isDisposed = true;
    window.removeEventListener('online', this._retry);
    document.removeEventListener('visibilitychange', this._retry);
    this._stream.dispose();
    Signal.clearData(this);
  }

  private _connect(afterSeq: number | null): ISocket {
    return new this.api.webSocket(this.api.streamUrl(afterSeq));
  }

  private _receive(message: StreamMessage): void {
    switch (message.kind) {
      case 'engine':
        this._noteEngine(message);
        return;
      case 'changes':
        this.store.apply(message.changes);
        return;
      case 'start':
        void this._refresh(false);
        return;
      case 'reset':
        void this._refresh(true);
        return;
      case 'beat':
    }
  }

  /** Its state, from wherever it is known first: when it becomes ready, lists are read. */
  private _noteEngine(engine: IEngineState): void {
    const wasReady = this.engine.isReady;
    this.engine.set({
      state: engine.state,
      message: engine.message,
      ...(engine.home === undefined ? {} : { home: engine.home }),
      ...(engine.folder === undefined ? {} : { folder: engine.folder }),
      ...(engine.version === undefined ? {} : { version: engine.version }),
      ...(engine.person === undefined ? {} : { person: engine.person })
    });
    if (this.engine.isReady && !wasReady) {
      void this._refresh(false);
    }
  }

  private async _refresh(isAgain: boolean): Promise<void> {
    this._round += 1;
    const round = this._round;
    const readings: Promise<unknown>[] = [];
    if (isAgain) {
      this.store.beginAgain();
      this._isAgain = true;
    }
    if (this.engine.isReady) {
      readings.push(this._readWhatIsOpen());
    }
    this._refreshed.emit({
      isAgain: this._isAgain,
      until: reading => readings.push(reading)
    });
    await Promise.allSettled(readings);
    if (this._isAgain && this.engine.isReady && round === this._round) {
      this._isAgain = false;
      this.store.endAgain();
    }
  }

  private _noteConnection(isConnected: boolean): void {
    if (!isConnected) {
      this.engine.setOffline(
        this.trans.__(
          'Jupyter Server does not answer. The panel goes on as soon as it is back.'
        )
      );
    }
  }

  private readonly _retry = (): void => {
    if (!document.hidden) {
      this._stream.retryNow();
    }
  };

  readonly engine = new EngineModel();
  readonly store = new RunStore(notifyWithFrame);
  private readonly _refreshed = new Signal<this, IRefresh>(this);
  private readonly _stream: ChangeStream;
  private _round = 0;
  private _isAgain = false;
  private _isDisposed = false;
}

/** Many changes are one drawing; but a window that is hidden, or is just being, hears, too. */
function notifyWithFrame(notify: () => void): void {
  const act = (): void => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    notify();
  };
  const frame = requestAnimationFrame(act);
  const timer = setTimeout(act, HIDDEN_PAUSE);
}
