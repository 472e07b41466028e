import { describe, expect, it } from 'vitest';

import type { IExecution, IWrapperUse } from '../wire';
import { aChild, aRow } from './factories';
import { asksPersonOf, sameAgain, startAgain } from './run-again';
import { flowInputsOf } from './subject';

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

describe('what is run again as it was', () => {
  it('is a new run with the same inputs through the same wrappers', () => {
    const wrapper = wrapped(ASKS, TRIES);
    const subject = execution({ inputs: { day: 'friday' }, name: 'sales' });

    const start = sameAgain({ ...wrapper, is_interactive: true }, subject);

    expect(start).toEqual({
      clone_of: subject.execution_id,
      inputs: { day: 'friday' },
      using: [ASKS, TRIES],
      is_interactive: true
    });
  });

  it('keeps a name that somebody gave it, its kernel, and who is there', () => {
    const run = execution({
      name: 'of January',
      keeps_kernel: true,
      is_attended: false,
      is_interactive: true
    });

    expect(sameAgain(run, run)).toEqual({
      clone_of: run.execution_id,
      inputs: {},
      name: 'of January',
      keep_kernel: true,
      is_attended: false,
      is_interactive: false
    });
  });

  it('is the wrapper if that succeeded without what it wraps', () => {
    const wrapper = wrapped({ name: 'cache', inputs: { max_age_minutes: 5 } });

    expect(sameAgain(wrapper, null)).toMatchObject({
      clone_of: wrapper.execution_id,
      inputs: { max_age_minutes: 5 },
      name: wrapper.name
    });
  });
});
