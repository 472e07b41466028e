import { describe, expect, it } from 'vitest';

import { PendingActions } from './pending-actions';

describe('actions', () => {
  it('are carried out once while the first one is under way', async () => {
    const pending = new PendingActions();
    let [count, end] = [0, (): void => undefined];
    const act = (): Promise<void> => {
      count += 1;
      return new Promise(resolve => (end = resolve));
    };

    const first = pending.run('retry', act);
    await pending.run('retry', act);
    expect(count).toBe(1);
    end();
    await first;
    void pending.run('retry', act);

    expect(count).toBe(2);
  });

  it('of other keys do not wait for each other', () => {
    const pending = new PendingActions();
    const keys: string[] = [];
    for (const key of ['retry 1', 'retry 2', 'retry 1']) {
      void pending.run(key, () => {
        keys.push(key);
        return new Promise(() => undefined);
      });
    }

    expect(keys).toEqual(['retry 1', 'retry 2']);
  });

  it('that fail can be tried again, and say why', async () => {
    const pending = new PendingActions();
    const fail = (): Promise<void> => Promise.reject(new Error('not now'));

    await expect(pending.run('retry', fail)).rejects.toThrow('not now');
    await expect(pending.run('retry', fail)).rejects.toThrow('not now');
  });
});
