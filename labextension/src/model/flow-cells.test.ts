import { describe, expect, it } from 'vitest';

import type { IFlow } from '../wire';
import { aRow } from './factories';
import type { Registration } from './flow-cells';
import { flowCell, lastRun, markOf } from './flow-cells';
import { RunStore } from './store';

function registered(source: string): Registration {
  return { kind: 'registered', flow: { source } as IFlow };
}

describe('a cell', () => {
  it.each([
    ['%%flow report\nx = 1', 'report'],
    ['%%flow  a-b --setup shared\nx = 1', 'a-b'],
    ['%%flow --setup shared report\nx', undefined],
    ['%%flow\nx', undefined],
    ['%%flow_sql\nselect 1', undefined],
    ['x = 1\n%%flow report', undefined]
  ])('%j registers %s', (text, name) => {
    expect(flowCell(text)?.name).toBe(name);
  });
});

describe('its mark', () => {
  const cell = { name: 'report', source: 'x = 1\n' };

  it.each<[Registration, string | undefined]>([
    [{ kind: 'unknown' }, undefined],
    [{ kind: 'none' }, 'unregistered'],
    [registered('x = 1'), 'registered'],
    [registered('x = 2'), 'changed']
  ])('says whether it is as it was registered: %j', (registration, state) => {
    expect(markOf(cell, registration, null)?.state).toBe(state);
  });

  it('has the last run of the flow', () => {
    const store = new RunStore();
    const [first, last] = [aRow(), aRow()];
    store.addRuns([last, first, aRow({ flow_name: 'other' })]);

    expect(lastRun(store, 'report')?.execution_id).toBe(last.execution_id);
    expect(lastRun(store, 'night')).toBeNull();
  });
});
