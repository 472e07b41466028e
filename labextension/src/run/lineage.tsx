/**
 * The lineage of a run as a graph: who called whom in which cell, tries, and what they took over.
 *
 * One node can be reached with Tab; arrows move to the nearest one, Enter opens its run. The
 * layout is loaded and made after the page is drawn.
 */
import type { KeyboardEvent } from 'react';
import { useEffect, useMemo, useRef, useState } from 'react';

import { EmptyState, ErrorBlock, Loading } from '../components/blocks';
import { useFlowkernel, useTrans } from '../components/context';
import type { IRead } from '../components/reading';
import { useReading } from '../components/reading';
import { StatusIcon } from '../components/status';
import type { Direction, ILineage, ILineageNode } from '../model/lineage';
import { lineageOf, MOST_NODES, neighbourOf } from '../model/lineage';
import type { ITranslate } from '../model/words';
import { statusWord } from '../model/words';
import type { ILineageLayout } from './lineage-layout';
import { useLineageRows } from './lineage-data';
import { EdgeLegend, Edges } from './lineage-edges';
import type { ISectionProps } from './sections';
import type { ISignButton } from './sign-buttons';
import { SignButtons } from './sign-buttons';

const SIZE = { width: 168, height: 44 };
const DIRECTIONS: { readonly [key: string]: Direction } = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down'
};

export function Lineage(props: ISectionProps): JSX.Element {
  const { execution } = props;
  const trans = useTrans();
  const { rows, calls, error } = useLineageRows(execution);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [isWanted, setWanted] = useState(false);
  const id = execution.execution_id;
  const lineage = useMemo(
    () => lineageOf(rows ?? [], id, calls, open),
    [rows, id, calls, open]
  );
  if (rows === null) {
    return error === null ? (
      <Loading />
    ) : (
      <ErrorBlock
        title={trans.__('The lineage cannot be read')}
        error={error}
      />
    );
  }
  const count = lineage.nodes.length;
  if (count > MOST_NODES && !isWanted) {
    return (
      <EmptyState
        title={trans.__('%1 runs are many for one picture.', count)}
        actions={[
          { label: trans.__('Draw them'), onClick: () => setWanted(true) }
        ]}
      >
        <p>
          {trans.__(
            'Drawing takes some seconds, in which this page does not respond.'
          )}
        </p>
      </EmptyState>
    );
  }
  return (
    <Drawing
      lineage={lineage}
      onExpand={key => setOpen(before => new Set(before).add(key))}
    />
  );
}

function Drawing(props: {
  readonly lineage: ILineage;
  readonly onExpand: (key: string) => void;
}): JSX.Element {
  const { lineage, onExpand } = props;
  const { open } = useFlowkernel();
  const trans = useTrans();
  const { value: drawn, error } = useLayout(lineage);
  const frame = useRef<HTMLDivElement>(null);
  const [activeKey, setActive] = useState<string | null>(null);
  const [scale, setScale] = useState(1);
  useFirstSight(frame, drawn !== null);
  if (drawn === null) {
    return error === null ? (
      <Loading label={trans.__('Drawing…')} />
    ) : (
      <ErrorBlock
        title={trans.__('The lineage cannot be drawn')}
        error={error}
      />
    );
  }
  const { layout } = drawn;
  const fallback = lineage.nodes.find(node => node.isCurrent)?.key;
  const active = activeKey !== null && layout.places.has(activeKey);
  const activeNode = active ? activeKey : fallback;
  const onKeyDown = (event: KeyboardEvent): void => {
    const direction = DIRECTIONS[event.key];
    const key = (event.target as HTMLElement).dataset['key'];
    if (direction !== undefined && key !== undefined) {
      const next = neighbourOf(layout.places, key, direction);
      focusNode(frame.current, next);
      event.preventDefault();
    }
  };
  const onOpen = (node: ILineageNode): void =>
    node.count > 1 ? onExpand(node.key) : open(node.executionId);
  return (
    <div className="jp-flowkernel-lineage">
      <div className="jp-flowkernel-timeline-tools">
        <ScaleButtons
          scale={scale}
          onChange={setScale}
          fit={() => fitting(frame.current, layout)}
        />
        <EdgeLegend lineage={drawn.lineage} />
      </div>
      <div
        ref={frame}
        className="jp-flowkernel-lineage-frame"
        role="group"
        aria-label={trans.__('Lineage')}
        onKeyDown={onKeyDown}
      >
        <div
          style={{
            width: layout.width,
            height: layout.height,
            zoom: scale
          }}
        >
          <Edges lineage={drawn.lineage} layout={layout} />
          {lineage.nodes.map(node => (
            <Node
              key={node.key}
              node={node}
              layout={layout}
              sentence={nodeSentence(node, lineage, trans)}
              isActive={node.key === activeNode}
              onFocus={setActive}
              onOpen={onOpen}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

/** Scales that buttons lead to; all of a picture may need less. */
const SCALES = [0.25, 0.5, 0.75, 1, 1.5, 2] as const;
const LEAST_SCALE = 0.1;

/** The scale with which all of it is in sight; never larger than life. */
function fitting(frame: HTMLElement | null, layout: ILineageLayout): number {
  const width = (frame?.clientWidth ?? layout.width) / layout.width;
  const height = (frame?.clientHeight ?? layout.height) / layout.height;
  return Math.max(LEAST_SCALE, Math.min(1, width, height));
}

function ScaleButtons(props: {
  readonly scale: number;
  readonly onChange: (scale: number) => void;
  readonly fit: () => number;
}): JSX.Element {
  const { scale, onChange } = props;
  const trans = useTrans();
  const larger = SCALES.find(other => other > scale) ?? scale;
  const smaller = [...SCALES].reverse().find(other => other < scale) ?? scale;
  const buttons: readonly ISignButton[] = [
    {
      sign: '+',
      label: trans.__('Larger'),
      onClick: () => onChange(larger),
      isDisabled: larger === scale
    },
    {
      sign: '−',
      label: trans.__('Smaller'),
      onClick: () => onChange(smaller),
      isDisabled: smaller === scale
    },
    {
      sign: '↔',
      label: trans.__('All of it'),
      onClick: () => onChange(props.fit()),
      isDisabled: false
    }
  ];
  return <SignButtons label={trans.__('Size')} buttons={buttons} />;
}

/** Once it is drawn, the run of the page is in sight. */
function useFirstSight(
  frame: React.RefObject<HTMLDivElement>,
  isDrawn: boolean
): void {
  useEffect(() => {
    if (isDrawn) {
      frame.current
        ?.querySelector('[aria-current="true"]')
        ?.scrollIntoView({ block: 'center', inline: 'center' });
    }
  }, [frame, isDrawn]);
}

function Node(props: {
  readonly node: ILineageNode;
  readonly layout: ILineageLayout;
  readonly sentence: string;
  readonly isActive: boolean;
  readonly onFocus: (key: string) => void;
  readonly onOpen: (node: ILineageNode) => void;
}): JSX.Element | null {
  const { node, sentence } = props;
  const trans = useTrans();
  const place = props.layout.places.get(node.key);
  if (place === undefined) {
    return null; // It is new: the next layout has it.
  }
  return (
    <button
      type="button"
      className="jp-flowkernel-lineage-node"
      data-key={node.key}
      data-status={node.status}
      aria-label={sentence}
      aria-current={node.isCurrent ? 'true' : undefined}
      title={sentence}
      tabIndex={props.isActive ? 0 : -1}
      style={{
        ...SIZE,
        left: place.x - SIZE.width / 2,
        top: place.y - SIZE.height / 2
      }}
      onFocus={() => props.onFocus(node.key)}
      onClick={() => props.onOpen(node)}
    >
      <StatusIcon status={node.status} />
      <span>
        <span className="jp-flowkernel-lineage-name">{node.name}</span>
        <span className="jp-flowkernel-secondary">
          {node.count > 1
            ? countText(node, trans)
            : statusWord(node.status, trans)}
        </span>
      </span>
    </button>
  );
}

function countText(node: ILineageNode, trans: ITranslate): string {
  const runs = trans._n('%1 run', '%1 runs', node.count);
  return node.failed > 0 ? trans.__('%1, %2 failed', runs, node.failed) : runs;
}

function nodeSentence(
  node: ILineageNode,
  lineage: ILineage,
  trans: ITranslate
): string {
  const names = new Map(lineage.nodes.map(({ key, name }) => [key, name]));
  const ties = lineage.edges
    .filter(edge => edge.to === node.key)
    .map(({ from, kind, call }) => {
      const name = names.get(from) ?? '';
      switch (kind) {
        case 'started':
          return call?.cellNumber
            ? trans.__('called by %1 in cell %2', name, call.cellNumber)
            : trans.__('called by %1', name);
        case 'adopted':
          return trans.__('taken over by %1', name);
        case 'retry':
          return trans.__('tries %1 again', name);
      }
    });
  const state =
    node.count > 1 ? countText(node, trans) : statusWord(node.status, trans);
  return [node.name, state, ...ties].join(', ');
}

interface IDrawn {
  readonly lineage: ILineage;
  readonly layout: ILineageLayout;
}

/** Made again when there are other nodes and edges; until then the last one stays. */
function useLayout(lineage: ILineage): IRead<IDrawn> {
  const shape = JSON.stringify([
    lineage.nodes.map(node => node.key),
    lineage.edges.map(({ from, to, kind, call }) => [
      from,
      to,
      kind,
      call?.cellNumber
    ])
  ]);
  return useReading('layout', shape, async () => {
    const { layoutOf } = await import('./lineage-layout');
    return { lineage, layout: layoutOf(lineage, SIZE) };
  });
}

function focusNode(frame: HTMLElement | null, key: string | null): void {
  if (key !== null) {
    const selector = `[data-key="${CSS.escape(key)}"]`;
    frame?.querySelector<HTMLElement>(selector)?.focus();
  }
}
