import { describe, expect, it } from 'vitest';

import type { IChartDay } from '../wire';
import { failedPercent, flowCharts, lastDays, linePath } from './charts';
import { aRow } from './factories';
import { activeRuns, failedRuns, sinceYesterday } from './home';
import { RunStore } from './store';

const SINCE = new Date('2026-11-27T00:00:00Z');

function storeWith(...rows: ReturnType<typeof aRow>[]): RunStore {
  const store = new RunStore();
  store.addRuns(rows);
  return store;
}

function failed(values: Parameters<typeof aRow>[0] = {}) {
  return aRow({
    status: 'ENDED_ERROR',
    ended_at: '2026-11-28T02:00:00Z',
    ...values
  });
}

describe('what failed', () => {
  it('has what was read and what failed since, the newest first', () => {
    const earlier = failed({ ended_at: '2026-11-27T05:00:00Z' });
    const later = failed();

    const runs = failedRuns([earlier], storeWith(later), SINCE);

    expect(runs.map(run => run.execution_id)).toEqual([
      later.execution_id,
      earlier.execution_id
    ]);
  });

  it('has nothing that ended before, and nothing that was archived meanwhile', () => {
    const old = failed({ ended_at: '2026-11-26T23:59:59Z' });
    const read = failed();
    const archived = { ...read, is_archived: true, last_seq: 2 };

    expect(failedRuns([read], storeWith(old, archived), SINCE)).toEqual([]);
  });

  it('begins with the day before today', () => {
    const now = new Date(2026, 2, 1, 8, 30);

    expect(sinceYesterday(now)).toEqual(new Date(2026, 1, 28));
  });
});

describe('what runs', () => {
  it('is every root that has not ended', () => {
    const [running, waiting] = [aRow(), aRow({ status: 'WAITING' })];

    const runs = activeRuns(storeWith(running, waiting, failed()));

    expect(runs.map(run => run.execution_id)).toEqual([
      waiting.execution_id,
      running.execution_id
    ]);
  });
});

function aDay(values: Partial<IChartDay> = {}): IChartDay {
  return {
    flow_name: 'report',
    day: '2026-11-28',
    runs: 2,
    failed: 1,
    median_sec: 3,
    p95_sec: 4,
    ...values
  };
}

describe('the chart of a flow', () => {
  const axis = lastDays(Date.parse('2026-11-28T03:00:00Z'), 3);

  it('has a place for each day, also for those without a run', () => {
    const [chart] = flowCharts([aDay(), aDay({ day: '2026-11-26' })], axis);

    expect(axis).toEqual(['2026-11-26', '2026-11-27', '2026-11-28']);
    expect(chart?.days.map(day => day?.runs ?? null)).toEqual([2, null, 2]);
    expect([chart?.runs, chart?.failed, chart?.longest, chart?.most]).toEqual([
      4, 2, 4, 2
    ]);
  });

  it('comes before those of flows that ran less often', () => {
    const rows = [aDay({ flow_name: 'a', runs: 1 }), aDay({ flow_name: 'b' })];

    expect(flowCharts(rows, axis).map(chart => chart.flow)).toEqual(['b', 'a']);
  });

  it('leaves out days before the axis', () => {
    expect(flowCharts([aDay({ day: '2026-10-01' })], axis)).toEqual([]);
  });

  it.each([
    [0, 0, 0],
    [3, 0, 0],
    [3, 1, 33],
    [10_000, 1, 1],
    [2, 2, 100]
  ])('says of %d runs with %d failures %d %%', (runs, fails, percent) => {
    expect(failedPercent({ runs, failed: fails })).toBe(percent);
  });

  it('draws a line that is broken where nothing ran', () => {
    const box = { width: 40, height: 10 };

    expect(linePath([1, 2, null, 2], 2, box)).toBe('M5 5 L15 0 M32.5 0 H37.5');
    expect(linePath([null, null], 0, box)).toBe('');
  });
});
