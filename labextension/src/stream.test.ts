import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { ISocket } from './stream';
import { ChangeStream, FIRST_PAUSE, LONGEST_SILENCE } from './stream';
import type { StreamMessage } from './wire';

class FakeSocket implements ISocket {
  constructor(readonly afterSeq: number | null) {}

  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  isClosed = false;

  close(): void {
    this.isClosed = true;
  }

  say(message: StreamMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent);
  }

  break(): void {
    this.onclose?.({} as CloseEvent);
  }
}

function aStream() {
  const sockets: FakeSocket[] = [];
  const messages: StreamMessage[] = [];
  const connected: boolean[] = [];
  const stream = new ChangeStream({
    connect: seq => {
      sockets.push(new FakeSocket(seq));
      return sockets[sockets.length - 1]!;
    },
    onMessage: message => messages.push(message),
    onConnected: isConnected => connected.push(isConnected)
  });
  stream.open();
  const newest = () => sockets[sockets.length - 1]!;
  return { stream, sockets, messages, connected, newest };
}

describe('ChangeStream', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('begins with what happens from now on', () => {
    const { sockets } = aStream();

    expect(sockets.map(socket => socket.afterSeq)).toEqual([null]);
  });

  it('goes on behind the last change after a break', () => {
    const { newest, sockets, connected } = aStream();
    newest().say({ kind: 'start', seq: 3 });
    newest().say({ kind: 'changes', seq: 8, changes: [] });

    newest().break();
    vi.advanceTimersByTime(FIRST_PAUSE);

    expect(sockets.map(socket => socket.afterSeq)).toEqual([null, 8]);
    expect(connected).toEqual([true, false]);
  });

  it('waits longer after each failure, and tries at once when told to', () => {
    const { newest, sockets, stream } = aStream();
    newest().break();
    vi.advanceTimersByTime(FIRST_PAUSE);
    newest().break();
    vi.advanceTimersByTime(FIRST_PAUSE);
    expect(sockets).toHaveLength(2);
    vi.advanceTimersByTime(FIRST_PAUSE);
    expect(sockets).toHaveLength(3);
    newest().break();

    stream.retryNow();

    expect(sockets).toHaveLength(4);
  });

  it('takes a silent connection for a lost one, as after a sleep', () => {
    const { newest, sockets } = aStream();
    newest().say({ kind: 'start', seq: 3 });
    const first = newest();

    vi.advanceTimersByTime(LONGEST_SILENCE + 10_000);

    expect(first.isClosed).toBe(true);
    expect(sockets.map(socket => socket.afterSeq)).toEqual([null, 3]);
  });

  it('is content with a server that only says that it is there', () => {
    const { newest, sockets, messages } = aStream();

    for (let i = 0; i < 10; i += 1) {
      newest().say({ kind: 'beat' });
      vi.advanceTimersByTime(15_000);
    }

    expect(sockets).toHaveLength(1);
    expect(messages).toEqual([]);
  });

  it('hears nothing more of a connection that it left', () => {
    const { newest, messages, sockets } = aStream();
    const first = newest();
    vi.advanceTimersByTime(LONGEST_SILENCE + 10_000);

    first.say({ kind: 'changes', seq: 9, changes: [] });

    expect(sockets).toHaveLength(2);
    expect(messages).toEqual([]);
  });

  it('ends with dispose', () => {
    const { newest, stream, sockets } = aStream();
    const first = newest();

    stream.dispose();
    first.break();
    vi.advanceTimersByTime(1_000_000);

    expect(first.isClosed).toBe(true);
    expect(sockets).toHaveLength(1);
  });
});
