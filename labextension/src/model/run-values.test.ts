import { describe, expect, it } from 'vitest';

import { effectiveInputs, MOST_ROWS, tableOf } from './run-values';

describe('effectiveInputs', () => {
  it('marks what nobody gave', () => {
    const inputs = effectiveInputs({
      inputs: { day: 'monday' },
      defaults: { day: { value: 'sunday' }, amount: { value: 3 } }
    });

    expect(inputs).toEqual([
      { name: 'day', value: 'monday', isDefault: false },
      { name: 'amount', value: 3, isDefault: true }
    ]);
  });

  it('shows the source of a default that is known only in the flow', () => {
    const [today] = effectiveInputs({
      inputs: null,
      defaults: { day: { source: 'date.today()' } }
    });

    expect(today).toEqual({
      name: 'day',
      value: 'date.today()',
      isDefault: true
    });
  });

  it('keeps a default of null, and a name that every object has', () => {
    const inputs = effectiveInputs({
      inputs: {},
      defaults: { limit: { value: null }, constructor: { value: 1 } }
    });

    expect(inputs.map(input => input.value)).toEqual([null, 1]);
  });
});

describe('tableOf', () => {
  it('makes a table of records, with a gap where one has no value', () => {
    expect(tableOf([{ a: 1 }, { a: 2, b: null }])).toEqual({
      columns: ['a', 'b'],
      rows: [
        [1, undefined],
        [2, null]
      ],
      total: 2
    });
  });

  it.each([
    [],
    [1, 2],
    'text',
    null,
    { a: 1 },
    [{ a: [1] }],
    [{}],
    [{ a: 1 }, 2]
  ])('leaves %j as it is', value => {
    expect(tableOf(value)).toBeNull();
  });

  it('shows the first rows of many, and says how many there are', () => {
    const rows = Array.from({ length: MOST_ROWS + 1 }, (_, a) => ({ a }));

    const table = tableOf(rows);

    expect(table?.rows).toHaveLength(MOST_ROWS);
    expect(table?.total).toBe(MOST_ROWS + 1);
  });
});
