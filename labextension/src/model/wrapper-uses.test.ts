import { describe, expect, it } from 'vitest';

import type { IExecution, IParameter, IWrapper } from '../wire';
import { aRow } from './factories';
import { startFields } from './start-request';
import {
  parametersAround,
  usesOf,
  usesText,
  withProblems,
  withWrapper
} from './wrapper-uses';

function aParameter(values: Partial<IParameter>): IParameter {
  return {
    name: 'max_tries',
    type: 'int',
    is_required: false,
    default: 3,
    default_source: null,
    help: '',
    element: { element: 'number', type: 'integer', minimum: 1, maximum: 9 },
    takes_null: false,
    words: 'a whole number from 1 to 9',
    ...values
  };
}

const RETRY: IWrapper = {
  name: 'retry',
  description: 'If the flow fails, run it again after a while.',
  is_shipped: true,
  takes_others: false,
  parameters: [
    aParameter({}),
    aParameter({
      name: 'archive_retries',
      type: 'bool',
      default: true,
      element: { element: 'toggle' },
      words: ''
    })
  ]
};
const CHECK: IWrapper = {
  ...RETRY,
  name: 'check',
  parameters: [
    aParameter({
      name: 'checker_flow',
      type: null,
      default: null,
      element: null,
      takes_null: true,
      words: ''
    })
  ]
};

function filled(values: { readonly [name: string]: string }) {
  const [draft] = withWrapper([], RETRY);
  return [{ ...draft!, texts: { ...draft!.texts, ...values } }];
}

describe('wrappers around a run', () => {
  it('stand in the order in which they were chosen, each for itself', () => {
    const drafts = withWrapper(withWrapper([], RETRY), RETRY);

    expect(new Set(drafts.map(({ key }) => key)).size).toBe(2);
    expect(usesOf(withWrapper(drafts, CHECK))).toEqual([
      { name: 'retry', inputs: {} },
      { name: 'retry', inputs: {} },
      { name: 'check', inputs: {} }
    ]);
  });

  it('have what was filled in, and else their defaults', () => {
    const drafts = filled({ max_tries: '5', archive_retries: 'false' });

    expect(usesOf(drafts)).toEqual([
      { name: 'retry', inputs: { max_tries: 5, archive_retries: false } }
    ]);
  });

  it('have what was typed, where a value does not show it', () => {
    const [draft] = withWrapper([], CHECK);
    const drafts = [{ ...draft!, texts: { checker_flow: '007' } }];

    expect(usesOf(drafts)![0]!.texts).toEqual({ checker_flow: '007' });
  });

  it.each(['x', '2.5'])('are not used while %j is in a field', text => {
    const drafts = filled({ max_tries: text });

    expect(usesOf(drafts)).toBeNull();
    expect(Object.keys(withProblems(drafts)[0]!.problems)).toEqual([
      'max_tries'
    ]);
  });

  it('are named with what they have', () => {
    expect(
      usesText([
        { name: 'retry', inputs: { max_tries: 5 } },
        { name: 'notify', inputs: {} }
      ])
    ).toBe('retry (max_tries 5), notify');
  });
});

describe('the body that starts a run', () => {
  const request = {
    inputs: {},
    texts: {},
    name: null,
    asksPerson: true,
    keepsKernel: false,
    using: [{ name: 'retry', inputs: {} }]
  };

  it('has what asks a person around all other wrappers', () => {
    const names = startFields(request).using?.map(({ name }) => name);

    expect(names).toEqual(['interactive', 'retry']);
  });

  it('has it once, where it was chosen', () => {
    const using = [...request.using, { name: 'interactive', inputs: {} }];

    expect(startFields({ ...request, using }).using).toEqual(using);
  });
});

describe('the wrappers on the page of a run', () => {
  const run = {
    ...aRow({ type: 'WRAPPER', flow_name: 'interactive' }),
    inputs: { interactive_limit_minutes: 30, archive_retries: true },
    wrapped: { wrappers: [{ name: 'retry', inputs: { max_tries: 3 } }] }
  } as unknown as IExecution;
  const own = (execution: IExecution) =>
    parametersAround(execution, 'no limit').map(({ name, values }) => [
      name,
      ...values.map(({ name, value }) => [name, value])
    ]);

  it('have their parameters under their names', () => {
    expect(own(run)).toEqual([
      [
        'interactive',
        ['interactive_limit_minutes', 30],
        ['archive_retries', true]
      ],
      ['retry', ['max_tries', 3]]
    ]);
  });

  it('say so if one waits without a limit', () => {
    const [[, limit]] = own({ ...run, is_interactive: true }) as never[][];
    expect(limit).toEqual(['interactive_limit_minutes', 'no limit']);
  });

  it('are none around anything else', () => {
    expect(own({ ...run, type: 'FLOW' })).toEqual([]);
  });
});
