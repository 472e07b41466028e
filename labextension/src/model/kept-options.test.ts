import { describe, expect, it, vi } from 'vitest';

import type { Json } from '../wire';
import { KeptOptions, MOST_OPTIONS } from './kept-options';

describe('KeptOptions', () => {
  it('are the same after a reload', () => {
    const saved: Json[] = [];
    const before = new KeptOptions(value => saved.push(value));
    before.set('section', 'log');
    before.set('follows', false);
    const after = new KeptOptions(() => undefined);

    after.restore(JSON.parse(JSON.stringify(saved[saved.length - 1])));

    expect(after.get('section', 'overview')).toBe('log');
    expect(after.get('follows', true)).toBe(false);
  });

  it('keep what was chosen before those of the last time were read', () => {
    const options = new KeptOptions(() => undefined);
    options.set('section', 'log');

    expect(options.isReady()).toBe(false);
    options.restore([
      ['section', 'notebook'],
      ['follows', false]
    ]);

    expect(options.isReady()).toBe(true);
    expect(options.get('section', 'overview')).toBe('log');
    expect(options.get('follows', true)).toBe(false);
  });

  it.each([null, 3, {}, [3], [['section']], [['section', 7]], [[1, 'log']]])(
    'give the first value for what is none: %j',
    saved => {
      const options = new KeptOptions(() => undefined);

      options.restore(saved);

      expect(options.get('section', 'overview')).toBe('overview');
    }
  );

  it('tell of a change, and forget what was set longest ago', () => {
    const options = new KeptOptions(() => undefined);
    const listener = vi.fn();
    options.subscribe(listener);

    for (let i = 0; i <= MOST_OPTIONS; i += 1) {
      options.set(`name ${i}`, i);
    }

    expect(listener).toHaveBeenCalledTimes(MOST_OPTIONS + 1);
    expect(options.get('name 0', -1)).toBe(-1);
    expect(options.get('name 1', -1)).toBe(1);
  });
});
