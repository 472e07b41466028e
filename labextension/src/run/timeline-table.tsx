/** A timeline in numbers, for those who do not see the bars, or want to copy them. */
import { StatusIcon } from '../components/status';
import { momentText } from '../components/time';
import { useTrans } from '../components/context';
import type { ILane } from '../model/timeline';
import { SEGMENT_KINDS, totalsOf } from '../model/timeline';
import {
  laneName,
  laneState,
  markText,
  segmentWord,
  tieText,
  totalText
} from '../model/timeline-words';

export interface ITimelineProps {
  readonly lanes: readonly ILane[];
  readonly onOpen: (executionId: string) => void;
}

export function TimelineTable(props: ITimelineProps): JSX.Element {
  const trans = useTrans();
  return (
    <div className="jp-flowkernel-timeline-frame" tabIndex={0}>
      <table className="jp-flowkernel-timeline-table">
        <caption className="jp-flowkernel-unseen">
          {trans.__('How long each run worked and waited')}
        </caption>
        <thead>
          <tr>
            <th scope="col">{trans.__('Run')}</th>
            <th scope="col">{trans.__('State')}</th>
            <th scope="col">{trans.__('From')}</th>
            <th scope="col">{trans.__('To')}</th>
            {SEGMENT_KINDS.map(kind => (
              <th key={kind} scope="col">
                {segmentWord(kind, trans)}
              </th>
            ))}
            <th scope="col">{trans.__('What happened')}</th>
          </tr>
        </thead>
        <tbody>
          {props.lanes.map(lane => (
            <LaneRow key={lane.key} lane={lane} onOpen={props.onOpen} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function LaneRow(props: {
  readonly lane: ILane;
  readonly onOpen: (executionId: string) => void;
}): JSX.Element {
  const { lane, onOpen } = props;
  const trans = useTrans();
  const totals = totalsOf(lane.segments);
  const notes = [
    tieText(lane, trans),
    ...lane.marks.map(mark => markText(mark, trans))
  ];
  const first = lane.segments[0]?.from;
  const last = lane.segments[lane.segments.length - 1]?.to;
  return (
    <tr>
      <th scope="row" style={{ paddingLeft: `${lane.level * 0.9}em` }}>
        {lane.cell === null ? (
          <button
            type="button"
            className="jp-flowkernel-link"
            onClick={() => onOpen(lane.executionId)}
          >
            {lane.name}
          </button>
        ) : (
          laneName(lane, trans)
        )}
      </th>
      <td>
        {lane.cell === null && <StatusIcon status={lane.status} />}{' '}
        {laneState(lane, trans)}
      </td>
      <td>{wholeMoment(first)}</td>
      <td>{wholeMoment(last)}</td>
      {SEGMENT_KINDS.map(kind => (
        <td key={kind}>{totalText(totals, kind)}</td>
      ))}
      <td>{notes.filter(text => text !== '').join(', ')}</td>
    </tr>
  );
}

function wholeMoment(at: number | undefined): string {
  return at === undefined ? '' : momentText(new Date(at).toISOString());
}
