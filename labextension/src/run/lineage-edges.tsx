/** The lines of a lineage: a pattern for each kind, and the cell that made a call. */
import { useId } from 'react';

import { useTrans } from '../components/context';
import type {
  EdgeKind,
  ILineage,
  ILineageEdge,
  IPlace
} from '../model/lineage';
import type { ITranslate } from '../model/words';
import { Legend } from './legend';
import type { ILine, ILineageLayout } from './lineage-layout';

const KINDS: readonly EdgeKind[] = ['started', 'adopted', 'retry'];

export function Edges(props: {
  readonly lineage: ILineage;
  readonly layout: ILineageLayout;
}): JSX.Element {
  const { lineage, layout } = props;
  const arrow = `jp-flowkernel-arrow-${useId().replaceAll(':', '')}`;
  return (
    <svg width={layout.width} height={layout.height} aria-hidden>
      <defs>
        <marker
          id={arrow}
          className="jp-flowkernel-lineage-arrow"
          viewBox="0 0 8 8"
          refX={7}
          refY={4}
          markerWidth={7}
          markerHeight={7}
          orient="auto"
        >
          <path d="M0 0 L8 4 L0 8 Z" />
        </marker>
      </defs>
      {lineage.edges.map((edge, place) => {
        const line = layout.lines[place];
        return (
          line !== undefined && (
            <Edge
              key={`${edge.kind} ${edge.from} ${edge.to}`}
              edge={edge}
              line={line}
              arrow={arrow}
            />
          )
        );
      })}
    </svg>
  );
}

function Edge(props: {
  readonly edge: ILineageEdge;
  readonly line: ILine;
  readonly arrow: string;
}): JSX.Element {
  const { edge, line, arrow } = props;
  const trans = useTrans();
  const { label } = line;
  const { cellNumber = null, firstLine = null } = edge.call ?? {};
  return (
    <g className="jp-flowkernel-lineage-edge" data-kind={edge.kind}>
      <path d={curve(line.points)} markerEnd={`url(#${arrow})`} />
      {label !== null && cellNumber !== null && (
        <g transform={`translate(${label.x} ${label.y})`}>
          <rect x={-20} y={-8} width={40} height={16} />
          <text y={4} textAnchor="middle">
            {trans.__('cell %1', cellNumber)}
            {firstLine !== null && <title>{firstLine}</title>}
          </text>
        </g>
      )}
    </g>
  );
}

/** A smooth line through the middles between the points. */
function curve(points: readonly IPlace[]): string {
  const [first, ...others] = points;
  const last = others[others.length - 1];
  if (first === undefined || last === undefined) {
    return '';
  }
  const parts = others.slice(0, -1).map((point, place) => {
    const next = others[place + 1]!;
    const [x, y] = [(point.x + next.x) / 2, (point.y + next.y) / 2];
    return `Q${point.x} ${point.y} ${x} ${y}`;
  });
  return `M${first.x} ${first.y} ${parts.join(' ')} L${last.x} ${last.y}`;
}

/** What the lines mean, of those that are there. */
export function EdgeLegend(props: { readonly lineage: ILineage }): JSX.Element {
  const trans = useTrans();
  const kinds = new Set(props.lineage.edges.map(edge => edge.kind));
  const entries = KINDS.filter(kind => kinds.has(kind)).map(kind => ({
    key: kind,
    width: 30,
    shape: (
      <g className="jp-flowkernel-lineage-edge" data-kind={kind}>
        <path d="M2 12 H28" />
      </g>
    ),
    word: kindWord(kind, trans)
  }));
  return <Legend entries={entries} />;
}

function kindWord(kind: EdgeKind, trans: ITranslate): string {
  switch (kind) {
    case 'started':
      return trans.__('called');
    case 'adopted':
      return trans.__('taken over by a later try');
    case 'retry':
      return trans.__('tried again');
  }
}
