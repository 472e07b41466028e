/** The last runs of a flow as bars: as high as they were long; those that failed hang down. */
import { durationText } from '../model/durations';
import type { IRecentRun } from '../wire';
import { useTrans } from './context';

const WIDTH = 80;
const HEIGHT = 20;
const BARS = 20;
const LOWEST = 0.18;

export function Sparkline(props: {
  readonly runs: readonly IRecentRun[];
}): JSX.Element | null {
  const { runs } = props;
  const trans = useTrans();
  if (runs.length === 0) {
    return null;
  }
  const failed = runs.filter(run => run.status === 'ENDED_ERROR').length;
  const durations = runs.map(run => run.duration_sec ?? 0);
  const longest = Math.max(...durations, 0.001);
  const label = trans._n(
    'Last run: %2 failed; at most %3',
    'Last %1 runs: %2 failed; at most %3',
    runs.length,
    failed,
    durationText(longest)
  );
  const step = WIDTH / BARS;
  const offset = (BARS - runs.length) * step;
  return (
    <svg
      className="jp-flowkernel-sparkline"
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={label}
    >
      <title>{label}</title>
      {runs.map((run, index) => (
        <Bar
          key={run.execution_id}
          run={run}
          x={offset + index * step}
          width={step - 1}
          share={Math.max(LOWEST, Math.sqrt((run.duration_sec ?? 0) / longest))}
        />
      ))}
    </svg>
  );
}

function Bar(props: {
  readonly run: IRecentRun;
  readonly x: number;
  readonly width: number;
  readonly share: number;
}): JSX.Element {
  const { run, x, width, share } = props;
  const isFailed = run.status === 'ENDED_ERROR';
  const middle = HEIGHT * 0.65;
  const height = share * (isFailed ? HEIGHT - middle : middle);
  return (
    <rect
      data-status={run.status}
      x={x}
      y={isFailed ? middle : middle - height}
      width={width}
      height={height}
    />
  );
}
