/**
 * What the engine sends, as it sends it: the names are its own.
 *
 * The columns are described in docs/reference/store.md, the routes in docs/reference/rest.md.
 */
export type * from './panel-wire';

/** Any JSON value. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };

/** A JSON object. */
export type JsonObject = { readonly [name: string]: Json };

export type ExecutionStatus =
  | 'PENDING'
  | 'QUEUED'
  | 'RUNNING'
  | 'WAITING'
  | 'PAUSED'
  | 'ENDED_SUCCESS'
  | 'ENDED_ERROR'
  | 'ENDED_CANCELLED';

/** A row of `execution` without its JSON columns: what lists and changes have. */
export interface IExecutionRow {
  readonly execution_id: string;
  readonly root_id: string;
  readonly type: 'FLOW' | 'SCRIPT' | 'WRAPPER';
  readonly flow_name: string | null;
  readonly flow_version: string | null;
  readonly name: string;
  readonly status: ExecutionStatus;
  readonly created_at: string;
  readonly status_message: string | null;
  readonly parent_id: string | null;
  readonly adopted_by: string | null;
  readonly depth: number;
  readonly call_key: string | null;
  readonly retry_of: string | null;
  readonly on_lost: string;
  readonly cell_timeout: number | null;
  readonly started_by: string | null;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly is_archived: boolean;
  readonly notebook_path: string | null;
  readonly worker: string | null;
  readonly losses: number;
  readonly cell_count: number | null;
  readonly requested_action: 'cancel' | 'pause' | 'resume' | null;
  readonly parks: boolean;
  /** Whether it keeps its kernel after its end. Older engines do not say it. */
  readonly keeps_kernel?: boolean;
  readonly is_interactive: boolean;
  readonly is_attended: boolean | null;
  readonly parked_at: string | null;
  /** Until when its kernel is kept at the latest, if it has ended. */
  readonly parked_until?: string | null;
  readonly skipped_cells: number;
  readonly mended_cells: number;
  readonly retried_cells: number;
  readonly decided_by: string | null;
  readonly decided_under: string | null;
  readonly inputs_changed_by: string | null;
  readonly asked_at: string | null;
  /** Since when it, or something under it, waits for a person. Older engines do not say it. */
  readonly waiting_since?: string | null;
  readonly answer_seconds: number;
  readonly last_seq: number;
}

/** How far a running execution is. */
export interface IProgress {
  readonly cells_ended: number;
  readonly cell_index: number | null;
  readonly cell_number: number | null;
  readonly first_line: string | null;
  readonly last_log: string | null;
}

export interface IExecutionError {
  readonly name: string;
  readonly message: string;
  readonly traceback: string | null;
  readonly cell_id: string | null;
  readonly cell_index: number | null;
  readonly cell_number?: number | null;
}

export interface IFailure {
  readonly cell_id: string | null;
  readonly cell_number: number | null;
  readonly cell_count: number | null;
  readonly source: string | null;
  readonly failed_at: string | null;
  readonly kernel_lost: string | null;
  readonly is_mended?: boolean;
  readonly is_retried?: boolean;
}

export interface IWrapperUse {
  readonly name: string;
  readonly inputs: JsonObject;
  /** What was typed, by name, where the value does not show it. */
  readonly texts?: { readonly [name: string]: string };
}

/** One execution as `GET execution/ID` has it: with its JSON columns. */
export interface IExecution extends IExecutionRow {
  readonly inputs: JsonObject | null;
  readonly defaults: {
    readonly [name: string]: {
      readonly value?: Json;
      readonly source?: string;
    };
  } | null;
  readonly output: Json;
  readonly error: IExecutionError | null;
  readonly environment: JsonObject | null;
  readonly wrapped: JsonObject | null;
  readonly failure: IFailure | null;
  readonly decision: JsonObject | null;
  readonly replaced_inputs: JsonObject | null;
  readonly answer_waits:
    | readonly {
        readonly start: string;
        readonly end: string | null;
      }[]
    | null;
  readonly variables: JsonObject | null;
}

export interface IExecutionTree {
  readonly executions: readonly IExecution[];
  readonly progress: { readonly [executionId: string]: IProgress };
  readonly cursor: number;
}

export type CellRunStatus =
  | 'RUNNING'
  | 'SUCCESS'
  | 'EXITED'
  | 'ERROR'
  | 'ALLOWED_ERROR'
  | 'TIMED_OUT'
  | 'INTERRUPTED'
  | 'KERNEL_DIED'
  | 'LOST';

/** What was logged or printed at once: one line, some, or a piece of one. */
export interface ILogLine {
  readonly seq: number;
  readonly happened_at: string;
  readonly stream: 'log' | 'stdout' | 'stderr' | 'display';
  readonly text: string;
}

/** The event in which `GET execution/ID/log` has it. */
export interface ILogEvent {
  readonly seq: number;
  readonly happened_at: string;
  readonly payload: Pick<ILogLine, 'stream' | 'text'>;
}

export type MessageStatus =
  'NOTE' | 'OPEN' | 'ANSWERED' | 'TIMED_OUT' | 'CLOSED';

/** A row of `message` without `message`, `body` and `response`: what changes have. */
export interface IMessageRow {
  readonly message_id: string;
  readonly execution_id: string;
  readonly root_id: string;
  readonly subject: string;
  readonly message_type: 'INFO' | 'WARN' | 'ERROR' | 'POPUP';
  readonly created_at: string;
  readonly status: MessageStatus;
  readonly call_key: string | null;
  readonly about_id: string | null;
  readonly expires_at: string | null;
  /** The end of its run leaves it open. Older engines do not say it. */
  readonly outlives?: boolean;
  readonly answered_by: string | null;
  readonly answered_from: string | null;
  readonly answered_at: string | null;
  readonly closed_at: string | null;
  readonly closed_why: string | null;
  readonly last_seq: number;
}

/** One field or button of the form of a message. */
export interface IFormProperty {
  readonly element?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly Json[];
  readonly items?: { readonly enum?: readonly Json[] };
  readonly label?: string;
  readonly description?: string;
  readonly default?: Json;
  readonly example?: Json;
  readonly order?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly by_name?: boolean;
  /** A field that stays empty counts as not filled in. */
  readonly keeps_empty?: boolean;
  readonly confirm?: string;
  readonly required?: readonly string[];
  readonly fields?: readonly string[];
}

/** The form of a message: a JSON schema of an object. */
export interface IForm {
  readonly type: 'object';
  readonly properties: { readonly [name: string]: IFormProperty };
  readonly required?: readonly string[];
}

/** One message as `GET message/ID` has it. */
export interface IMessage extends IMessageRow {
  readonly message: string | null;
  readonly body: IForm | null;
  readonly response: JsonObject | null;
}

/** One change: exactly one of the keys is there. */
export interface IChange {
  /** The number of the event that changed it last. A removal has none. */
  readonly seq?: number;
  readonly execution?: IExecutionRow;
  readonly progress?: IProgress | null;
  readonly message?: IMessageRow;
  readonly removed?: readonly string[];
}

/** One parameter that a flow declares. */
export interface IParameter {
  readonly name: string;
  /** The type as it is written; null: any value. */
  readonly type: string | null;
  readonly is_required: boolean;
  readonly default: Json;
  /** The default as it is written, if it is known only when the flow runs. */
  readonly default_source: string | null;
  readonly help: string;
  /** A property of a form; null: any value, as JSON. Older engines do not say it. */
  readonly element?: IFormProperty | null;
  readonly takes_null?: boolean;
  /** What it takes, in words: "a day, as 2026-01-31". */
  readonly words?: string;
}

export interface ISignature {
  readonly parameters: readonly IParameter[];
  readonly takes_others: boolean;
}

/** A wrapper, and the parameters that it takes. */
export interface IWrapper extends ISignature {
  readonly name: string;
  /** What it does, in one line; empty: nobody said so. */
  readonly description: string;
  readonly is_shipped: boolean;
}

/** One flow; in lists its `source` is null and it has no signature. */
export interface IFlow {
  readonly name: string;
  readonly kind: 'CELL' | 'NOTEBOOK' | 'SCRIPT';
  readonly source: string | null;
  readonly setup: string | null;
  readonly path: string | null;
  readonly description: string | null;
  readonly environment: JsonObject | null;
  readonly on_lost: string;
  readonly cell_timeout: number | null;
  readonly wrappers: readonly IWrapperUse[];
  readonly is_wrapper: boolean;
  readonly flow_version: string;
  readonly registered_at: string;
  readonly signature?: ISignature;
}

export interface IFlowVersion {
  readonly hash: string;
  readonly flow_name: string | null;
  readonly kind: IFlow['kind'];
  readonly source: string;
  readonly setup_source: string | null;
  readonly path: string | null;
  readonly created_at: string;
  readonly signature?: ISignature;
}

/** What starts an execution: the body of `POST execution`. */
export interface IStart {
  readonly flow?: string;
  readonly clone_of?: string;
  readonly inputs?: JsonObject;
  readonly texts?: { readonly [name: string]: string };
  readonly name?: string;
  readonly using?: readonly IWrapperUse[];
  readonly is_interactive?: boolean;
  readonly is_attended?: boolean | null;
  readonly keep_kernel?: boolean;
  readonly allow_extra?: boolean;
  readonly kernel?: string;
}

/** The result of a query. */
export interface ISqlResult {
  readonly columns: readonly string[];
  readonly types: readonly string[];
  readonly rows: readonly (readonly Json[])[];
  readonly is_cut: boolean;
}
