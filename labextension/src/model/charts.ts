/** How the runs of each flow went, day by day, as charts draw it. */
import type { IChartDay } from '../wire';

const DAY = 86_400_000;

/** One flow over all days of the axis. */
export interface IFlowChart {
  readonly flow: string;
  readonly runs: number;
  readonly failed: number;
  /** One for each day of the axis; null: nothing ran. */
  readonly days: readonly (IChartDay | null)[];
  /** The longest of what is drawn, in seconds; 0: nothing is. */
  readonly longest: number;
  /** The most runs on one day. */
  readonly most: number;
}

/** The last `count` days up to now, the newest last, as `2026-11-28` in UTC. */
export function lastDays(now: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) =>
    new Date(now - (count - 1 - index) * DAY).toISOString().slice(0, 10)
  );
}

/** A chart for each flow, those that ran most often first. */
export function flowCharts(
  rows: readonly IChartDay[],
  axis: readonly string[]
): readonly IFlowChart[] {
  const flows = new Map<string, Map<string, IChartDay>>();
  for (const row of rows) {
    if (row.flow_name !== null) {
      const days = flows.get(row.flow_name) ?? new Map<string, IChartDay>();
      flows.set(row.flow_name, days.set(row.day, row));
    }
  }
  return [...flows]
    .map(([flow, days]) => flowChart(flow, days, axis))
    .filter(chart => chart.runs > 0)
    .sort((a, b) => b.runs - a.runs || (a.flow < b.flow ? -1 : 1));
}

function flowChart(
  flow: string,
  rows: ReadonlyMap<string, IChartDay>,
  axis: readonly string[]
): IFlowChart {
  const days = axis.map(day => rows.get(day) ?? null);
  const sum = (of: (day: IChartDay) => number): number =>
    days.reduce((total, day) => total + (day === null ? 0 : of(day)), 0);
  const most = (of: (day: IChartDay) => number): number =>
    Math.max(0, ...days.map(day => (day === null ? 0 : of(day))));
  return {
    flow,
    runs: sum(day => day.runs),
    failed: sum(day => day.failed),
    days,
    longest: most(day => Math.max(day.median_sec ?? 0, day.p95_sec ?? 0)),
    most: most(day => day.runs)
  };
}

/** The share of runs that failed, in whole percent; 1 at least if any did. */
export function failedPercent(
  chart: Pick<IFlowChart, 'runs' | 'failed'>
): number {
  const share = chart.runs === 0 ? 0 : (100 * chart.failed) / chart.runs;
  return chart.failed > 0 ? Math.max(1, Math.round(share)) : 0;
}

export interface IBox {
  readonly width: number;
  readonly height: number;
}

/**
 * The path of a line through the values that are there; beside a day without one it is broken,
 * and a day alone is a short dash.
 */
export function linePath(
  values: readonly (number | null)[],
  longest: number,
  { width, height }: IBox
): string {
  const step = width / Math.max(1, values.length);
  return values
    .map((value, index) => {
      if (value === null) {
        return '';
      }
      const x = step * (index + 0.5);
      const y = rounded(height - (height * value) / Math.max(longest, TINY));
      const isJoined = (values[index - 1] ?? null) !== null;
      const isAlone = !isJoined && (values[index + 1] ?? null) === null;
      if (isAlone) {
        return `M${rounded(x - step / 4)} ${y} H${rounded(x + step / 4)}`;
      }
      return `${isJoined ? 'L' : 'M'}${rounded(x)} ${y}`;
    })
    .filter(part => part !== '')
    .join(' ');
}

/** Durations of nothing at all are drawn at the bottom. */
const TINY = 1e-9;

function rounded(value: number): string {
  return String(Math.round(value * 10) / 10);
}
