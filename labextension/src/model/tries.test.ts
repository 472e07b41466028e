import { describe, expect, it } from 'vitest';

import type { INotebookCell } from '../wire';
import {
  comparedCells,
  comparedValues,
  firstOther,
  namedParts,
  wholeSource
} from './tries';

function aCell(
  number: number | null,
  text: string,
  fields: Partial<INotebookCell> = {}
): INotebookCell {
  const outputs = [
    { output_type: 'stream', name: 'stdout', text, execution_count: null }
  ];
  return {
    index: number ?? 0,
    id: `cell-${number}`,
    number,
    type: 'code',
    source: `x = ${number}`,
    outputs: text === '' ? [] : outputs,
    is_cut: false,
    bytes: text.length,
    state: 'SUCCESS',
    started_at: null,
    ended_at: null,
    duration_sec: null,
    ...fields
  };
}

describe('comparedValues', () => {
  it('tell what is other, missing and the same', () => {
    const values = comparedValues(
      { day: 'monday', rows: [1, 2], old: 1 },
      { day: 'tuesday', rows: [1, 2], new: null }
    );

    expect(values).toEqual([
      { name: 'day', left: 'monday', right: 'tuesday', isSame: false },
      { name: 'rows', left: [1, 2], right: [1, 2], isSame: true },
      { name: 'old', left: 1, right: undefined, isSame: false },
      { name: 'new', left: undefined, right: null, isSame: false }
    ]);
  });

  it.each([
    [null, {}],
    [3, { value: 3 }],
    [[1], { value: [1] }],
    [{ a: 1 }, { a: 1 }]
  ])('take any output: %j', (value, parts) => {
    expect(namedParts(value, 'value')).toEqual(parts);
  });
});

describe('comparedCells', () => {
  it('pair cells by their numbers, and leave out those without outputs', () => {
    const left = [aCell(1, 'a'), aCell(2, ''), aCell(null, 'added')];
    const right = [aCell(1, 'b'), aCell(2, ''), aCell(3, 'c')];

    const cells = comparedCells(left, right);

    expect(cells.map(cell => cell.number)).toEqual([1, 3]);
    expect(cells.map(cell => cell.isSame)).toEqual([false, false]);
    expect(cells[1]!.left).toBeNull();
  });

  it('are the same whatever the kernel counts', () => {
    const left = aCell(1, 'a');
    const outputs = left.outputs.map(output => ({
      ...output,
      execution_count: 7
    }));

    expect(comparedCells([left], [{ ...left, outputs }])[0]!.isSame).toBe(true);
  });

  it('are not the same if what was cut has another size', () => {
    const left = aCell(1, 'a', { is_cut: true, bytes: 9_000_000 });

    expect(comparedCells([left], [{ ...left, bytes: 1 }])[0]!.isSame).toBe(
      false
    );
  });
});

describe('wholeSource', () => {
  it('has the cells of the flow, not those that were added', () => {
    const source = wholeSource(
      [aCell(null, ''), aCell(1, ''), aCell(2, '')],
      number => `Cell ${number}`
    );

    expect(source).toBe('# Cell 1\nx = 1\n\n# Cell 2\nx = 2\n');
  });
});

describe('firstOther', () => {
  const tries = ['a', 'b', 'c'].map(id => ({
    id,
    name: id,
    status: 'ENDED_ERROR',
    createdAt: ''
  }));

  it.each([
    ['c', 'b'],
    ['b', 'a'],
    ['a', 'b']
  ])('of %s is %s', (id, other) => {
    expect(firstOther(tries, id)).toBe(other);
  });

  it('is none where there is one try only', () => {
    expect(firstOther(tries.slice(0, 1), 'a')).toBeNull();
  });
});
