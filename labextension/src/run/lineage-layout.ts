/** Where the nodes of a lineage are. Loaded only when one is drawn. */
import { Graph, layout } from '@dagrejs/dagre';

import type { ILineage, IPlace } from '../model/lineage';

/** The size of a node, in pixels. */
export interface INodeSize {
  readonly width: number;
  readonly height: number;
}

export interface ILineageLayout {
  /** The middle of each node. */
  readonly places: ReadonlyMap<string, IPlace>;
  /** Of each edge, in their order. */
  readonly lines: readonly ILine[];
  readonly width: number;
  readonly height: number;
}

export interface ILine {
  readonly points: readonly IPlace[];
  /** Where its label is; null: it has none. */
  readonly label: IPlace | null;
}

const MARGIN = 12;
const LABEL = { width: 52, height: 14, labelpos: 'c' as const };

/**
 * Places from left to right: who started a run is left of it.
 *
 * It takes 0.2 seconds for 100 nodes, and a second for 500.
 */
export function layoutOf(lineage: ILineage, size: INodeSize): ILineageLayout {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({
    ...{ rankdir: 'LR', nodesep: 14, ranksep: 36, edgesep: 10 },
    ...{ marginx: MARGIN, marginy: MARGIN }
  });
  for (const node of lineage.nodes) {
    graph.setNode(node.key, { ...size });
  }
  lineage.edges.forEach(({ from, to, call }, place) => {
    const label = call === null ? {} : LABEL;
    graph.setEdge(from, to, { ...label }, String(place));
  });
  layout(graph);
  const places = lineage.nodes.map(node => {
    const { x, y } = graph.node(node.key) as IPlace;
    return [node.key, { x, y }] as const;
  });
  const lines = lineage.edges.map(({ from, to, call }, place): ILine => {
    const edge = graph.edge(from, to, String(place)) as {
      readonly points?: readonly IPlace[];
    } & Partial<IPlace>;
    const { points = [], x, y } = edge;
    const hasLabel = call !== null && x !== undefined && y !== undefined;
    const ends = [
      graph.node(from) as IPlace,
      graph.node(to) as IPlace
    ] as const;
    return {
      points: fromSideToSide(points, ends, size),
      label: hasLabel ? { x, y } : null
    };
  });
  const { width = 0, height = 0 } = graph.graph() as Partial<INodeSize>;
  return { places: new Map(places), lines, width, height };
}

/** From the right side of a node to the left side of the other, by the same way. */
function fromSideToSide(
  points: readonly IPlace[],
  [from, to]: readonly [IPlace, IPlace],
  size: INodeSize
): readonly IPlace[] {
  const half = from.x <= to.x ? size.width / 2 : -size.width / 2;
  return [
    { x: from.x + half, y: from.y },
    ...points.slice(1, -1),
    { x: to.x - half, y: to.y }
  ];
}
