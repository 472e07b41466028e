import { describe, expect, it } from 'vitest';

import type { INotebookCell } from '../wire';
import { isBanner, keptCells, sizeText } from './notebook-cells';

function aCell(id: string, fields: Partial<INotebookCell> = {}): INotebookCell {
  return {
    index: 0,
    id,
    number: 1,
    type: 'code',
    source: 'x = 1',
    outputs: [{ output_type: 'stream', name: 'stdout', text: `out of ${id}` }],
    is_cut: false,
    bytes: 10,
    state: 'SUCCESS',
    started_at: null,
    ended_at: null,
    duration_sec: null,
    ...fields
  };
}

/** As another reading gives it. */
function again<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

describe('keptCells', () => {
  it('are the same list when nothing is new', () => {
    const before = [aCell('a'), aCell('b')];

    expect(keptCells(before, again(before))).toBe(before);
  });

  it('change only where something is new, wherever a cell is now', () => {
    const before = [aCell('a'), aCell('b', { state: 'RUNNING' })];
    const banner = aCell('decision-0a1b2c3d4e5f', { type: 'markdown' });
    const ended = again(aCell('b', { state: 'SUCCESS' }));

    const after = keptCells(before, [again(before[0]!), banner, ended]);

    expect(after[0]).toBe(before[0]);
    expect(after[2]!.state).toBe('SUCCESS');
    expect(after[2]!.outputs).toBe(before[1]!.outputs);
  });

  it('keep the outputs that are there when another one comes', () => {
    const before = [aCell('a')];
    const more = { output_type: 'stream', name: 'stderr', text: 'more' };
    const cell = again(aCell('a'));

    const [after] = keptCells(before, [
      { ...cell, outputs: [...cell.outputs, more] }
    ]);

    expect(after!.outputs[0]).toBe(before[0]!.outputs[0]);
    expect(after!.outputs[1]).toEqual(more);
  });
});

describe('a banner', () => {
  it.each([
    [aCell('decision-0a1b2c3d4e5f', { type: 'markdown' }), true],
    [aCell('decision-0a1b2c3d4e5f'), false],
    [aCell('decision-tree', { type: 'markdown' }), false]
  ])('is a cell that flowkernel added: %#', (cell, expected) => {
    expect(isBanner(cell)).toBe(expected);
  });
});

describe('sizeText', () => {
  it.each([
    [0, '0 bytes'],
    [999, '999 bytes'],
    [1_500, '1.5 kB'],
    [262_144, '262 kB'],
    [20_000_000, '20.0 MB']
  ])('says %d as %s', (bytes, text) => {
    expect(sizeText(bytes)).toBe(text);
  });
});
