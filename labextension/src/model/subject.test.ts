import { describe, expect, it } from 'vitest';

import type { IExecution } from '../wire';
import { aChild, aRow } from './factories';
import { chainOf, contentOf, subjectOf } from './subject';

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

function execution(values: Partial<IExecution> = {}): IExecution {
  const none = { inputs: {}, defaults: null, error: null, wrapped: null };
  return { ...aRow(), ...none, ...values } as IExecution;
}

describe('what a page shows of a wrapper', () => {
  const wrapper = execution({
    type: 'WRAPPER',
    flow_name: 'interactive',
    inputs: { interactive_limit_minutes: 30 },
    wrapped: { flow_name: 'report', inputs: { day: 'monday' } }
  });

  it('are the inputs of the flow, never its own parameters', () => {
    expect(contentOf(wrapper, null).inputs).toEqual({ day: 'monday' });
    const inputs = { day: 'friday' };
    const defaults = { shops: { value: 3 } };
    const subject = execution({ inputs, defaults });
    expect(contentOf(wrapper, subject)).toMatchObject({ inputs, defaults });
    expect(contentOf(subject, subject)).toBe(subject);
  });

  it('is the error of the flow while a person is asked', () => {
    const error = { name: 'ValueError', message: 'x' } as IExecution['error'];
    const failed = execution({ error });
    const succeeded = { ...wrapper, status: 'ENDED_SUCCESS' } as const;

    expect(contentOf(wrapper, failed).error).toBe(error);
    expect(contentOf(succeeded, failed).error).toBeNull();
  });
});
