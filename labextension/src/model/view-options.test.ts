import { describe, expect, it, vi } from 'vitest';

import { FIRST_VIEW, ViewOptions } from './view-options';

describe('ViewOptions', () => {
  it('are the same after a reload', () => {
    const saved: unknown[] = [];
    const options = new ViewOptions(value => saved.push(value));
    options.set({ section: 'inbox', isGrouped: true });
    options.toggle('flow:report', true);
    const after = new ViewOptions(() => undefined);

    after.restore(JSON.parse(JSON.stringify(saved[saved.length - 1])));

    expect(after.get()).toEqual(options.get());
  });

  it.each([undefined, null, 3, [], { section: 'x', filter: 3, open: [1] }])(
    'begin again with what was never saved by us: %j',
    saved => {
      const options = new ViewOptions(() => undefined);

      options.restore(saved);

      expect(options.get()).toEqual(FIRST_VIEW);
    }
  );

  it('keep what was chosen before the saved ones were read', () => {
    const options = new ViewOptions(() => undefined);

    options.set({ section: 'flows' });
    options.restore({ section: 'inbox', isGrouped: true });

    expect(options.get()).toMatchObject({ section: 'flows', isGrouped: true });
  });

  it('keep the filter, so that no list is read again, if none was saved', () => {
    const options = new ViewOptions(() => undefined);
    const { filter } = options.get();

    options.restore({ filter: { state: 'all', age: 'any', flow: null } });

    expect(options.get().filter).toBe(filter);
  });

  it('tell of a change, and forget lines that were opened long ago', () => {
    const options = new ViewOptions(() => undefined);
    const listener = vi.fn();
    options.subscribe(listener);

    for (let i = 0; i < 250; i += 1) {
      options.toggle(`key ${i}`, true);
    }

    expect(listener).toHaveBeenCalledTimes(250);
    expect(options.get().open).toHaveLength(200);
    expect(options.get().open).toContain('key 249');
  });
});
