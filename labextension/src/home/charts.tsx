/** Durations and failures of each flow over the last days, and the slowest cells. */
import type { CommandRegistry } from '@lumino/commands';
import { memo, useMemo, useState } from 'react';

import { Button, EmptyState } from '../components/blocks';
import { useTrans } from '../components/context';
import type { IFlowChart } from '../model/charts';
import { failedPercent, flowCharts, lastDays, linePath } from '../model/charts';
import { durationText } from '../model/durations';
import type { ITranslate } from '../model/words';
import { CommandIDs } from '../tokens';
import type { IChartDay, ICharts, ISlowCell } from '../wire';

/** Days of the charts. */
export const DAYS = 30;
/** Flows that are shown before a person asks for all, inclusive. */
const FIRST = 12;

const WIDTH = 300;
const LINES = 44;
const BARS = 26;
const GAP = 6;

/** Drawn again only when it was read again, whatever else changes on the page. */
export const FlowCharts = memo(function FlowCharts(props: {
  readonly charts: ICharts;
  readonly commands: CommandRegistry;
}): JSX.Element {
  const { charts, commands } = props;
  const trans = useTrans();
  const [isWhole, setWhole] = useState(false);
  const flows = useMemo(
    () => flowCharts(charts.days, lastDays(Date.now(), DAYS)),
    [charts]
  );
  if (flows.length === 0) {
    return <EmptyState title={trans.__('Nothing ran in these days.')} />;
  }
  const visible = isWhole ? flows : flows.slice(0, FIRST);
  return (
    <>
      <p className="jp-flowkernel-secondary jp-flowkernel-legend">
        <span data-line="median">{trans.__('median')}</span>
        <span data-line="p95">{trans.__('95 % were faster')}</span>
        <span data-line="runs">{trans.__('runs on that day')}</span>
        <span data-line="failed">{trans.__('failed')}</span>
      </p>
      <ul className="jp-flowkernel-charts">
        {visible.map(chart => (
          <li key={chart.flow}>
            <FlowChart chart={chart} commands={commands} />
          </li>
        ))}
      </ul>
      {visible.length < flows.length && (
        <Button
          label={trans.__('Show all %1 flows', flows.length)}
          onClick={() => setWhole(true)}
        />
      )}
    </>
  );
});

function FlowChart(props: {
  readonly chart: IFlowChart;
  readonly commands: CommandRegistry;
}): JSX.Element {
  const { chart, commands } = props;
  const trans = useTrans();
  const label = chartSentence(chart, trans);
  const box = { width: WIDTH, height: LINES };
  const line = (of: (day: IChartDay) => number | null): string =>
    linePath(
      chart.days.map(day => (day === null ? null : of(day))),
      chart.longest,
      box
    );
  return (
    <>
      <div className="jp-flowkernel-chart-head">
        <button
          type="button"
          className="jp-flowkernel-link"
          title={trans.__('Show its runs')}
          onClick={() =>
            void commands.execute(CommandIDs.showRunsOf, { name: chart.flow })
          }
        >
          {chart.flow}
        </button>
        <span className="jp-flowkernel-secondary">
          {countText(chart, trans)}
        </span>
        <span className="jp-flowkernel-secondary">
          {durationText(chart.longest)}
        </span>
      </div>
      <svg
        className="jp-flowkernel-chart"
        viewBox={`0 0 ${WIDTH} ${LINES + GAP + BARS}`}
        role="img"
        aria-label={`${chart.flow}: ${label}`}
      >
        <path data-line="p95" d={line(day => day.p95_sec)} />
        <path data-line="median" d={line(day => day.median_sec)} />
        {chart.days.map((day, index) => (
          <DayBar key={index} chart={chart} day={day} index={index} />
        ))}
      </svg>
    </>
  );
}

/** The runs of a day, those that failed at the bottom; what the pointer is over says more. */
function DayBar(props: {
  readonly chart: IFlowChart;
  readonly day: IChartDay | null;
  readonly index: number;
}): JSX.Element | null {
  const { chart, day, index } = props;
  const trans = useTrans();
  if (day === null) {
    return null;
  }
  const step = WIDTH / chart.days.length;
  const [x, width] = [index * step + 1, step - 2];
  const bottom = LINES + GAP + BARS;
  const all = (BARS * day.runs) / chart.most;
  const failed =
    day.failed > 0 ? Math.max(2, (all * day.failed) / day.runs) : 0;
  return (
    <g>
      <title>{daySentence(day, trans)}</title>
      <rect
        data-line="hit"
        {...{ x: index * step, y: 0, width: step, height: bottom }}
      />
      <rect data-line="runs" {...{ x, width, y: bottom - all, height: all }} />
      <rect
        data-line="failed"
        {...{ x, width, y: bottom - failed, height: failed }}
      />
    </g>
  );
}

function countText(chart: IFlowChart, trans: ITranslate): string {
  const runs = trans._n('%1 run', '%1 runs', chart.runs);
  return chart.failed === 0
    ? trans.__('%1, none failed', runs)
    : trans.__('%1, %2 % failed', runs, failedPercent(chart));
}

function chartSentence(chart: IFlowChart, trans: ITranslate): string {
  const longest = durationText(chart.longest);
  const counts = countText(chart, trans);
  return trans.__('%1 in %2 days, at most %3', counts, DAYS, longest);
}

function daySentence(day: IChartDay, trans: ITranslate): string {
  const runs = trans._n('%1 run', '%1 runs', day.runs);
  const failed = trans.__('%1 failed', day.failed);
  const durations =
    day.median_sec === null || day.p95_sec === null
      ? []
      : [
          trans.__(
            'median %1, 95 % faster than %2',
            durationText(day.median_sec),
            durationText(day.p95_sec)
          )
        ];
  return [`${day.day}: ${runs}`, failed, ...durations].join(', ');
}

export function SlowestCells(props: {
  readonly cells: readonly ISlowCell[];
}): JSX.Element | null {
  const { cells } = props;
  const trans = useTrans();
  if (cells.length === 0) {
    return null;
  }
  return (
    <table className="jp-flowkernel-values jp-flowkernel-slowest">
      <caption>{trans.__('Slowest cells of %1 days', DAYS)}</caption>
      <thead>
        <tr>
          <th scope="col">{trans.__('Flow')}</th>
          <th scope="col">{trans.__('Cell')}</th>
          <th scope="col">{trans.__('First line')}</th>
          <th scope="col">{trans.__('Runs')}</th>
          <th scope="col">{trans.__('Median')}</th>
        </tr>
      </thead>
      <tbody>
        {cells.map(cell => (
          <tr key={`${cell.flow_name} ${cell.cell_number}`}>
            <td>{cell.flow_name}</td>
            <td>{cell.cell_number}</td>
            <td>
              <code>{cell.first_line}</code>
            </td>
            <td>{cell.runs}</td>
            <td>{durationText(cell.median_sec)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
