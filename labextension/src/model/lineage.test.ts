import { describe, expect, it } from 'vitest';

import { aChild, aRow } from './factories';
import type { ICall } from './lineage';
import { callsOf, lineageOf, neighbourOf } from './lineage';

describe('a lineage', () => {
  it('says who started whom in which cell, and what a retry has adopted', () => {
    const first = aRow({ status: 'ENDED_ERROR' });
    const retry = aRow({ retry_of: first.execution_id });
    const part = aChild(first, { adopted_by: retry.execution_id });
    const call: ICall = { cellNumber: 2, firstLine: 'this.flow("part")' };
    const calls = new Map([[part.execution_id, call]]);

    const { nodes, edges } = lineageOf(
      [first, retry, part],
      retry.execution_id,
      calls
    );

    expect(nodes.map(node => node.isCurrent)).toEqual([false, true, false]);
    expect(edges).toEqual([
      edge(first.execution_id, retry.execution_id, 'retry', null),
      edge(first.execution_id, part.execution_id, 'started', call),
      edge(retry.execution_id, part.execution_id, 'adopted', null)
    ]);
  });

  it('has one node for many runs that are alike, until it is opened', () => {
    const root = aRow({ flow_name: 'night', name: 'night' });
    const parts = Array.from({ length: 9 }, (_, index) =>
      aChild(root, {
        flow_name: 'part',
        name: `part ${index}`,
        status: index === 4 ? 'ENDED_ERROR' : 'ENDED_SUCCESS'
      })
    );
    const rows = [root, ...parts];

    const { nodes, edges } = lineageOf(rows, root.execution_id);

    expect(nodes).toHaveLength(2);
    expect(edges).toHaveLength(1);
    expect(nodes[1]).toMatchObject({
      name: 'part',
      count: 9,
      failed: 1,
      status: 'ENDED_ERROR'
    });
    const open = new Set([nodes[1]!.key]);
    const whole = lineageOf(rows, root.execution_id, new Map(), open);
    expect(whole.nodes).toHaveLength(10);
    const current = lineageOf(rows, parts[0]!.execution_id);
    expect(current.nodes.map(node => node.count)).toEqual([1, 1, 8]);
  });

  it('does not hide a try among others', () => {
    const root = aRow();
    const first = aChild(root);
    const others = Array.from({ length: 8 }, () =>
      aChild(root, { retry_of: first.execution_id })
    );
    expect(
      lineageOf([root, first, ...others], root.execution_id).nodes
    ).toHaveLength(10);
  });

  it('reads its calls from a query', () => {
    const rows = [['id', 3, null]] as const;
    const calls = callsOf({ columns: [], types: [], rows, is_cut: false });
    expect(calls.get('id')).toEqual({ cellNumber: 3, firstLine: null });
  });
});

function edge(
  from: string,
  to: string,
  kind: 'started' | 'adopted' | 'retry',
  call: ICall | null
) {
  return { from, to, kind, call };
}

describe('the nearest node', () => {
  const places = new Map([
    ['a', { x: 0, y: 0 }],
    ['b', { x: 100, y: 10 }],
    ['c', { x: 100, y: 80 }],
    ['d', { x: 60, y: 200 }]
  ]);

  it.each([
    ['a', 'right', 'b'],
    ['b', 'down', 'c'],
    ['c', 'left', 'a'],
    ['c', 'up', 'b'],
    ['a', 'left', null],
    ['gone', 'left', null]
  ] as const)('of %s to the %s is %s', (key, direction, expected) => {
    expect(neighbourOf(places, key, direction)).toBe(expected);
  });
});
