import { describe, expect, it } from 'vitest';

import { aChild, aRow } from './factories';
import { chainOf, subjectOf } from './subject';

describe('what a run is about', () => {
  it('is the run itself, if no wrapper is around it', () => {
    const run = aRow();

    expect(subjectOf(run, [run])).toBe(run);
  });

  it('is of a wrapper the newest try of what it wraps, however deep', () => {
    const outer = aRow({ type: 'WRAPPER' });
    const inner = aChild(outer, { type: 'WRAPPER', call_key: 'wrapped' });
    const first = aChild(inner, { call_key: 'wrapped' });
    const second = aChild(inner, { call_key: 'wrapped' });
    const other = aChild(inner, { call_key: 'call 1' });
    const under = aChild(second, { call_key: 'wrapped' });

    const family = [outer, inner, first, second, other, under];

    expect(subjectOf(outer, family)).toBe(second);
  });

  it('is one that was taken over, too', () => {
    const earlier = aRow({ type: 'WRAPPER' });
    const wrapper = aRow({ type: 'WRAPPER' });
    const kept = aChild(earlier, {
      call_key: 'wrapped',
      adopted_by: wrapper.execution_id
    });

    expect(subjectOf(wrapper, [wrapper, kept])).toBe(kept);
  });

  it('is none if a wrapper ended before what it wraps began', () => {
    const wrapper = aRow({ type: 'WRAPPER' });

    expect(subjectOf(wrapper, [wrapper])).toBeNull();
  });

  it('has the wrappers inside of it before it', () => {
    const outer = aRow({ type: 'WRAPPER' });
    const inner = aChild(outer, { type: 'WRAPPER', call_key: 'wrapped' });

    expect(chainOf(outer, [outer, inner])).toEqual([outer, inner]);
    expect(subjectOf(outer, [outer, inner])).toBeNull();
  });
});
