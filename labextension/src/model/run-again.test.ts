import { describe, expect, it } from 'vitest';

import type { IExecution, IWrapperUse } from '../wire';
import { aChild, aRow } from './factories';
import { asksPersonOf, flowInputsOf, flowRunOf, startAgain } from './run-again';

const ASKS: IWrapperUse = { name: 'interactive', inputs: {} };
const TRIES: IWrapperUse = { name: 'retry', inputs: { max_tries: 3 } };

function execution(values: Partial<IExecution> = {}): IExecution {
  return { ...aRow(), inputs: {}, wrapped: null, ...values } as IExecution;
}

/** A run of a file through these wrappers, the outermost first. */
function wrapped(outer: IWrapperUse, ...inner: IWrapperUse[]): IExecution {
  return execution({
    type: 'WRAPPER',
    flow_name: outer.name,
    inputs: outer.inputs,
    wrapped: {
      flow_name: 'sales',
      inputs: { day: 'monday' },
      wrappers: inner as never
    }
  });
}

const request = {
  inputs: { day: 'tuesday' },
  texts: {},
  name: null,
  asksPerson: false,
  keepsKernel: false,
  using: []
};

describe('the run that is run again', () => {
  it('is the run itself, if no wrapper is around it', () => {
    const run = aRow();

    expect(flowRunOf(run, [run])).toBe(run);
  });

  it('is of a wrapper the newest try of what it wraps, however deep', () => {
    const outer = aRow({ type: 'WRAPPER' });
    const inner = aChild(outer, { type: 'WRAPPER', call_key: 'wrapped' });
    const first = aChild(inner, { call_key: 'wrapped' });
    const second = aChild(inner, { call_key: 'wrapped' });
    const other = aChild(inner, { call_key: 'call 1' });
    const under = aChild(second, { call_key: 'wrapped' });

    const family = [outer, inner, first, second, other, under];

    expect(flowRunOf(outer, family)).toBe(second);
  });

  it('is one that was taken over, too', () => {
    const earlier = aRow({ type: 'WRAPPER' });
    const wrapper = aRow({ type: 'WRAPPER' });
    const kept = aChild(earlier, {
      call_key: 'wrapped',
      adopted_by: wrapper.execution_id
    });

    expect(flowRunOf(wrapper, [wrapper, kept])).toBe(kept);
  });

  it('is none if a wrapper ended before what it wraps began', () => {
    const wrapper = aRow({ type: 'WRAPPER' });

    expect(flowRunOf(wrapper, [wrapper])).toBeNull();
  });
});

describe('its form', () => {
  it('begins with what the flow got', () => {
    const inputs = { day: 'monday' };

    expect(flowInputsOf(execution({ inputs }))).toEqual(inputs);
    expect(flowInputsOf(wrapped(TRIES))).toEqual(inputs);
    expect(flowInputsOf(execution({ inputs: null }))).toEqual({});
  });

  it('asks a person again if one was asked', () => {
    expect(asksPersonOf(wrapped(TRIES, ASKS))).toBe(true);
    expect(asksPersonOf(wrapped(TRIES))).toBe(false);
    expect(asksPersonOf(execution())).toBe(false);
  });
});

describe('what it starts', () => {
  it('is the version that ran, never what has its name now', () => {
    const run = execution();

    const start = startAgain(run, run, { ...request, name: 'of January' });

    expect(start).toEqual({
      clone_of: run.execution_id,
      inputs: { day: 'tuesday' },
      texts: {},
      name: 'of January',
      is_interactive: false
    });
  });

  it.each([
    [[TRIES, ASKS], true, [TRIES, ASKS]],
    [[TRIES, ASKS], false, [TRIES]],
    [[TRIES], true, [ASKS, TRIES]],
    [[ASKS], false, undefined]
  ])('of %j, asking a person: %s, has the wrappers %j', (uses, asks, using) => {
    const [outer, ...inner] = uses;
    const wrapper = wrapped(outer!, ...inner);
    const flowRun = aChild(wrapper, { call_key: 'wrapped' });

    const start = startAgain(wrapper, flowRun, {
      ...request,
      asksPerson: asks
    });

    expect(start.clone_of).toBe(flowRun.execution_id);
    expect(start.using).toEqual(using);
    expect(start.is_interactive).toBe(asks);
  });

  it('keeps its kernel if that was chosen', () => {
    const run = execution();

    const start = startAgain(run, run, { ...request, keepsKernel: true });

    expect(start.keep_kernel).toBe(true);
  });

  it('is around a run without wrappers what asks a person', () => {
    const run = execution();

    const start = startAgain(run, run, { ...request, asksPerson: true });

    expect(start.using).toEqual([ASKS]);
  });
});
