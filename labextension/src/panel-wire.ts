/**
 * What our server extension sends, as it sends it.
 *
 * The routes are described in docs/reference/panel-server.md.
 */
import type {
  CellRunStatus,
  ExecutionStatus,
  IChange,
  IExecutionRow,
  IFlow,
  IParameter,
  IWrapperUse,
  JsonObject
} from './wire';

/** `GET flowkernel/engine`. */
export interface IEngineState {
  readonly state: 'ready' | 'stopped' | 'away' | 'starting';
  /** A sentence: what is wrong, and what to do; empty if nothing is. */
  readonly message: string;
  readonly home?: string;
  /** The path of the folder that Jupyter shows, on the machine of the server. */
  readonly folder?: string;
  readonly version?: string;
  /** The name under which this window acts. */
  readonly person?: string;
}

/** A message of the websocket `flowkernel/changes`. */
export type StreamMessage =
  | ({ readonly kind: 'engine' } & IEngineState)
  | { readonly kind: 'start'; readonly seq: number }
  | {
      readonly kind: 'changes';
      readonly seq: number;
      readonly changes: readonly IChange[];
    }
  | { readonly kind: 'reset'; readonly seq: number }
  | { readonly kind: 'beat' };

/** What starts a file that Jupyter shows: the body of `POST flowkernel/file/run`. */
export interface IFileStart {
  readonly path: string;
  readonly inputs?: JsonObject;
  readonly texts?: { readonly [name: string]: string };
  readonly name?: string;
  readonly using?: readonly IWrapperUse[];
  readonly is_interactive?: boolean;
  readonly keep_kernel?: boolean;
}

/** `GET flowkernel/file/signature`. */
export interface IFileSignature {
  readonly name: string;
  readonly kind: IFlow['kind'];
  readonly parameters: readonly IParameter[];
  readonly takes_others: boolean;
  /** Why it cannot run as it is; null if it can. */
  readonly problem: string | null;
}

/** One cell of an output notebook; its outputs are cut by size: `is_cut`. */
export interface INotebookCell {
  readonly index: number;
  /** The id that the notebook has for it; empty: it has none. */
  readonly id?: string;
  readonly number: number | null;
  readonly type: 'code' | 'markdown' | 'raw';
  readonly source: string;
  readonly outputs: readonly JsonObject[];
  readonly is_cut: boolean;
  readonly bytes: number;
  readonly state: CellRunStatus | null;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly duration_sec: number | null;
}

/** `GET flowkernel/notebook/ID/cell/INDEX`. */
export interface IWholeCell {
  readonly outputs: readonly JsonObject[];
  readonly bytes: number;
}

/** `GET flowkernel/notebook/ID`. */
export interface IOutputNotebook {
  readonly cells: readonly INotebookCell[];
  readonly language: string;
  readonly path: string;
  readonly is_complete: boolean;
  readonly etag: string;
}

export interface IAttachedKernel {
  readonly kernel_id: string;
  readonly path: string;
  readonly name: string;
}

/** One of the last runs of a flow, as sparklines draw it. */
export interface IRecentRun {
  readonly execution_id: string;
  readonly status: ExecutionStatus;
  readonly duration_sec: number | null;
  readonly created_at: string;
}

/** Of one flow: `GET flowkernel/summary/flows` has one for each that ever ran. */
export interface IFlowSummary {
  readonly flow_name: string;
  readonly last_status: ExecutionStatus | null;
  /** At most 20, the newest last. */
  readonly runs: readonly IRecentRun[];
}

/** A run as `GET flowkernel/summary/home` has it. */
export type IHomeRun = Pick<
  IExecutionRow,
  | 'execution_id'
  | 'flow_name'
  | 'name'
  | 'status'
  | 'created_at'
  | 'started_at'
  | 'started_by'
  | 'status_message'
> & { readonly ended_at?: string | null };

/** `GET flowkernel/summary/home`. */
export interface IHomeSummary {
  /** The newest first; since the moment that was asked for. */
  readonly failed: readonly IHomeRun[];
}

/** The runs of a flow on one day, which is one of UTC. */
export interface IChartDay {
  readonly flow_name: string | null;
  readonly day: string;
  readonly runs: number;
  readonly failed: number;
  readonly median_sec: number | null;
  readonly p95_sec: number | null;
}

export interface ISlowCell {
  readonly flow_name: string | null;
  readonly cell_number: number;
  readonly first_line: string | null;
  readonly runs: number;
  readonly median_sec: number;
}

/** `GET flowkernel/summary/charts`. */
export interface ICharts {
  readonly days: readonly IChartDay[];
  readonly slowest_cells: readonly ISlowCell[];
}
