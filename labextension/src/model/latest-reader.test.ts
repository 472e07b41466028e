import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { LatestReader } from './latest-reader';

describe('LatestReader', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function aReader(read: () => Promise<number>) {
    const given: number[] = [];
    const failed: unknown[] = [];
    const reader = new LatestReader(
      {
        read,
        give: value => given.push(value),
        fail: error => failed.push(error)
      },
      100
    );
    return { reader, given, failed };
  }

  it('reads once for many changes within a pause, and the last one is seen', async () => {
    let value = 0;
    const read = vi.fn(() => Promise.resolve(value));
    const { reader, given } = aReader(read);

    reader.ask();
    for (value = 1; value < 50; value += 1) {
      reader.ask();
    }
    await vi.advanceTimersByTimeAsync(1_000);

    expect(given[given.length - 1]).toBe(50);
    expect(read).toHaveBeenCalledTimes(2);
  });

  it('never has two readings under way', async () => {
    let open = 0;
    let most = 0;
    const { reader } = aReader(async () => {
      open += 1;
      most = Math.max(most, open);
      await new Promise(resolve => setTimeout(resolve, 300));
      open -= 1;
      return 1;
    });

    for (let i = 0; i < 20; i += 1) {
      reader.ask();
      await vi.advanceTimersByTimeAsync(50);
    }

    expect(most).toBe(1);
  });

  it('waits for no pause if somebody asks for it now', async () => {
    const read = vi.fn(() => Promise.resolve(1));
    const { reader } = aReader(read);
    reader.ask();
    await vi.advanceTimersByTimeAsync(10);

    reader.askNow();

    expect(read).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(read).toHaveBeenCalledTimes(2);
  });

  it('reads right after a reading that began before somebody asked', async () => {
    const read = vi.fn(async () => {
      await new Promise(resolve => setTimeout(resolve, 30));
      return 1;
    });
    const { reader } = aReader(read);
    reader.ask();

    reader.askNow();
    reader.askNow();

    expect(read).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(40);
    expect(read).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(read).toHaveBeenCalledTimes(2);
  });

  it('gives nothing after its end, also if somebody asks for it now', async () => {
    const read = vi.fn(() => Promise.resolve(1));
    const { reader } = aReader(read);
    reader.ask();
    await vi.advanceTimersByTimeAsync(10);
    reader.stop();

    reader.askNow();

    expect(read).toHaveBeenCalledTimes(1);
  });

  it('goes on after a failure', async () => {
    const read = vi
      .fn<() => Promise<number>>()
      .mockRejectedValueOnce(new Error('away'))
      .mockResolvedValue(2);
    const { reader, given, failed } = aReader(read);

    reader.ask();
    await vi.advanceTimersByTimeAsync(200);
    reader.ask();
    await vi.advanceTimersByTimeAsync(200);

    expect(failed).toHaveLength(1);
    expect(given).toEqual([2]);
  });

  it('gives nothing once it is stopped', async () => {
    const { reader, given } = aReader(() => Promise.resolve(1));

    reader.ask();
    reader.stop();
    await vi.advanceTimersByTimeAsync(1_000);
    reader.ask();
    await vi.advanceTimersByTimeAsync(1_000);

    expect(given).toEqual([]);
  });
});
