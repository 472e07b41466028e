import { describe, expect, it } from 'vitest';

import type { IForm } from '../wire';
import { aMessage } from './factories';
import { buttonsOf, fieldsOfForm, isOf } from './forms';
import {
  chosenOf,
  othersThan,
  pressedOf,
  questionAbout,
  sourceOf,
  timeLeft
} from './prompts';

const FORM: IForm = {
  type: 'object',
  properties: {
    source: { element: 'code', default: 'total = rate' },
    values: { element: 'json', by_name: true, default: { total: null } },
    'inputs.day': { element: 'string', default: 'monday' },
    retry_cell: {
      element: 'submit',
      label: 'Retry cell',
      description: 'Run this cell again.',
      fields: ['source']
    },
    retry: { element: 'submit', label: 'Retry from start', fields: [] },
    retry_with_inputs: { element: 'submit', fields: ['inputs.day'] },
    skip: { element: 'submit', label: 'Skip the cell', fields: ['values'] },
    fail: { element: 'submit', label: 'Fail' },
    cancel_all: { element: 'submit', confirm: 'Cancel 4 runs?' }
  }
};
const NO_KERNEL: IForm = {
  type: 'object',
  properties: { retry: { element: 'submit' }, fail: { element: 'submit' } }
};
const NOW = Date.parse('2026-11-28T03:00:00Z');

describe('the choices of a prompt', () => {
  const choices = buttonsOf(FORM, 'OK');

  it('are those of the engine, in its order and words', () => {
    expect(choices.map(({ name }) => name)).toEqual([
      'retry_cell',
      'retry',
      'retry_with_inputs',
      'skip',
      'fail',
      'cancel_all'
    ]);
    expect(choices[0]?.help).toBe('Run this cell again.');
  });

  it('have their own fields', () => {
    const own = (name: string) =>
      fieldsOfForm(FORM)
        .filter(field => isOf(field, chosenOf(choices, name)!))
        .map(field => field.name);

    expect(own('retry_cell')).toEqual(['source']);
    expect(own('skip')).toEqual(['values', 'values.total']);
    expect(own('retry_with_inputs')).toEqual(['inputs.day']);
    expect(own('fail')).toEqual([]);
  });

  it('fall back to the first one when the kernel is lost meanwhile', () => {
    const left = buttonsOf(NO_KERNEL, 'OK');

    expect(chosenOf(left, 'retry_cell')?.name).toBe('retry');
    expect([sourceOf(FORM), sourceOf(NO_KERNEL)]).toEqual([
      'total = rate',
      null
    ]);
  });

  it('show which of them was taken', () => {
    const pressed = pressedOf({ skip: true, values: {} }, choices);

    expect(pressed?.label).toBe('Skip the cell');
    expect(pressedOf(null, choices)).toBeNull();
  });
});

describe('the time for an answer', () => {
  it.each([
    ['2026-11-28T03:28:00Z', 1680, false],
    ['2026-11-28T03:00:59Z', 59, true],
    ['2026-11-28T02:59:00Z', 0, true]
  ])('until %s is %d seconds', (moment, seconds, isShort) => {
    expect(timeLeft(moment, NOW)).toEqual({ seconds, isShort });
  });

  it('may have no limit', () => {
    expect(timeLeft(null, NOW)).toBeNull();
  });
});

describe('what waits, too', () => {
  it('is all but this one', () => {
    const messages = [aMessage(), aMessage()];

    expect(othersThan(messages[0]!.message_id, messages)).toEqual([
      messages[1]
    ]);
  });
});

describe('the question of a page', () => {
  it('is the oldest that one of its runs asks, or that is about one', () => {
    const other = aMessage();
    const about = aMessage({ about_id: 'child' });
    const own = aMessage({ execution_id: 'wrapper' });
    const ids = new Set(['wrapper', 'child']);

    expect(questionAbout([other, about, own], ids)).toBe(about);
    expect(questionAbout([other, own], ids)).toBe(own);
    expect(questionAbout([other], ids)).toBeUndefined();
  });
});
