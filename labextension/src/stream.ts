/**
 * The changes of runs and messages, as they happen: one websocket for this window.
 *
 * It keeps the number of the last change that it has. After a break it connects again and goes
 * on from there, so nothing is missed and nothing comes twice.
 */
import type { StreamMessage } from './wire';

/** What we use of a WebSocket. */
export interface ISocket {
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  onerror: ((event: Event) => void) | null;
  close(): void;
}

export interface IStreamOptions {
  /** Connects; `afterSeq` null: from now on. */
  readonly connect: (afterSeq: number | null) => ISocket;
  readonly onMessage: (message: StreamMessage) => void;
  /** Whether the stream is there: false from a break until it is mended. */
  readonly onConnected: (isConnected: boolean) => void;
  readonly now?: () => number;
}

/** The first pause before another try; each next one is twice as long. Milliseconds. */
export const FIRST_PAUSE = 500;
/** No pause is longer. Milliseconds. */
export const LONGEST_PAUSE = 4_000;
/**
 * After so much silence the connection counts as lost, for the server says something every
 * 10 s: so a machine that was asleep finds out when it looks next. Milliseconds.
 */
export const LONGEST_SILENCE = 40_000;
/** How often we look at the silence. Milliseconds. */
export const LOOK_EVERY = 5_000;

export class ChangeStream {
  constructor(private readonly _options: IStreamOptions) {
    this._now = _options.now ?? Date.now;
  }

  /** The number of the last change; null: none came yet. */
  get seq(): number | null {
    return this._seq;
  }

  open(): void {
    if (this._watch === null && !this._isDisposed) {
      this._watch = setInterval(() => this._look(), LOOK_EVERY);
      this._connect();
    }
  }

  /** Try at once, whatever the pause: somebody pressed a button, or the network is back. */
  retryNow(): void {
    if (this._isDisposed || this._isConnected) {
      this._look();
      return;
    }
    this._failures = 0;
    this._connect();
  }

  dispose(): void {
    this._isDisposed = true;
    this._drop();
    this._clearPause();
    if (this._watch !== null) {
      clearInterval(this._watch);
    }
  }

  private _connect(): void {
    this._clearPause();
    this._drop();
    this._heardAt = this._now();
    const socket = this._options.connect(this._seq);
    this._socket = socket;
    socket.onmessage = event => this._receive(socket, event);
    socket.onclose = () => this._lose(socket);
    socket.onerror = () => undefined; // A close follows.
  }

  private _receive(socket: ISocket, event: MessageEvent): void {
    if (socket !== this._socket) {
      return;
    }
    this._heardAt = this._now();
    this._failures = 0;
    this._setConnected(true);
    const message = JSON.parse(String(event.data)) as StreamMessage;
    if (message.kind === 'beat') {
      return;
    }
    this._options.onMessage(message);
    if (message.kind !== 'engine') {
      this._seq = message.seq;
    }
  }

  private _lose(socket: ISocket): void {
    if (socket !== this._socket || this._isDisposed) {
      return;
    }
    this._socket = null;
    this._setConnected(false);
    const pause = Math.min(FIRST_PAUSE * 2 ** this._failures, LONGEST_PAUSE);
    this._failures += 1;
    this._pause = setTimeout(() => this._connect(), pause);
  }

  /** A connection that is silent for too long is none: a machine that slept, a lost network. */
  private _look(): void {
    const silence = this._now() - this._heardAt;
    if (silence > LONGEST_SILENCE && this._socket !== null) {
      this._setConnected(false);
      this._connect();
    }
  }

  private _drop(): void {
    const socket = this._socket;
    this._socket = null;
    if (socket !== null) {
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    }
  }

  private _clearPause(): void {
    if (this._pause !== null) {
      clearTimeout(this._pause);
      this._pause = null;
    }
  }

  private _setConnected(isConnected: boolean): void {
    if (this._isConnected !== isConnected) {
      this._isConnected = isConnected;
      this._options.onConnected(isConnected);
    }
  }

  private readonly _now: () => number;
  private _socket: ISocket | null = null;
  private _seq: number | null = null;
  private _heardAt = 0;
  private _failures = 0;
  private _isConnected = false;
  private _isDisposed = false;
  private _pause: ReturnType<typeof setTimeout> | null = null;
  private _watch: ReturnType<typeof setInterval> | null = null;
}
