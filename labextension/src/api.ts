/**
 * The routes of our server extension and, behind it, of the engine.
 *
 * Every failure is one `EngineError`: a code for programs, a sentence for people.
 */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { EngineError } from './model/errors';
import { nextPath } from './model/links';
import type {
  IAttachedKernel,
  ICharts,
  IEngineState,
  IExecution,
  IExecutionTree,
  IFileSignature,
  IFileStart,
  IFlow,
  IFlowSummary,
  IFlowVersion,
  ILogEvent,
  IHomeSummary,
  ILogLine,
  IMessage,
  IOutputNotebook,
  ISqlResult,
  IStart,
  IWholeCell,
  IWrapper,
  Json,
  JsonObject
} from './wire';

export { EngineError } from './model/errors';

/** Values of a query string; those that are null or undefined are left out. */
export type Query = {
  readonly [name: string]: string | number | boolean | null | undefined;
};

/** A page of a list, and the path of the next one; null: this is the last. */
export interface IPage<T> {
  readonly rows: readonly T[];
  readonly next: string | null;
}

/** What selects executions: the query parameters of `GET execution`. */
export interface IExecutionQuery {
  readonly status?: string;
  readonly flow_name?: string;
  readonly parent_id?: string;
  readonly root_id?: string;
  readonly level?: 'root';
  readonly is_ended?: boolean;
  readonly is_archived?: boolean;
  readonly since?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export type ExecutionVerb =
  'cancel' | 'pause' | 'release_kernel' | 'resume' | 'run';

const MISSING_ROUTE =
  'The server extension of flowkernel is missing in this Jupyter Server. ' +
  '`jupyter server extension list` shows whether it is enabled.';
const UNREACHABLE =
  'Jupyter Server does not answer. Look whether it still runs, then try again.';

export class Api {
  constructor(
    private readonly _settings: ServerConnection.ISettings = ServerConnection.makeSettings()
  ) {}

  /** The address of the websocket of changes, with what authenticates it. */
  streamUrl(afterSeq: number | null): string {
    const { wsUrl, token, appendToken } = this._settings;
    const query: Record<string, string> = {};
    if (afterSeq !== null) {
      query['after_seq'] = String(afterSeq);
    }
    if (appendToken && token) {
      query['token'] = token;
    }
    const url = URLExt.join(wsUrl, 'flowkernel/changes');
    return url + URLExt.objectToQueryString(query);
  }

  get webSocket(): typeof WebSocket {
    return this._settings.WebSocket;
  }

  // The engine.

  startEngine(): Promise<IEngineState> {
    return this.post('engine/start');
  }

  sql(sql: string): Promise<ISqlResult> {
    return this.post('api/sql', { sql, format: 'json' });
  }

  // Executions.

  executions(query: IExecutionQuery = {}): Promise<IPage<IExecution>> {
    return this.page(`api/execution${queryString({ ...query })}`);
  }

  /** One, by its id or by the beginning or end of its id. */
  execution(id: string): Promise<IExecution> {
    return this.get(`api/execution/${encode(id)}`);
  }

  /** It and everything under it: the first page. */
  tree(id: string, query: Query = {}): Promise<IExecutionTree> {
    return this.get(`api/execution/${encode(id)}/tree${queryString(query)}`);
  }

  ancestors(id: string): Promise<readonly IExecution[]> {
    return this.all(`api/execution/${encode(id)}/ancestors`);
  }

  async log(id: string, query: Query = {}): Promise<IPage<ILogLine>> {
    const path = `api/execution/${encode(id)}/log${queryString(query)}`;
    const { rows, next } = await this.page<ILogEvent>(path);
    return { rows: rows.map(lineOf), next };
  }

  start(start: IStart): Promise<IExecution> {
    return this.post('api/execution', start as JsonObject);
  }

  act(id: string, verb: ExecutionVerb): Promise<IExecution> {
    return this.post(`api/execution/${encode(id)}/${verb}`, {});
  }

  retry(id: string, body: JsonObject = {}): Promise<IExecution> {
    return this.post(`api/execution/${encode(id)}/retry`, body);
  }

  change(id: string, values: JsonObject): Promise<IExecution> {
    return this.request('PATCH', `api/execution/${encode(id)}`, values);
  }

  remove(id: string): Promise<void> {
    return this.request('DELETE', `api/execution/${encode(id)}`);
  }

  // Messages.

  /** Those that wait for an answer, the newest first. */
  openMessages(query: Query = {}): Promise<readonly IMessage[]> {
    return this.all(
      `api/message${queryString({ is_open: true, limit: 1000, ...query })}`
    );
  }

  message(id: string): Promise<IMessage> {
    return this.get(`api/message/${encode(id)}`);
  }

  answer(id: string, response: JsonObject): Promise<IMessage> {
    return this.post(`api/message/${encode(id)}/answer`, { response });
  }

  // Flows.

  flows(): Promise<readonly IFlow[]> {
    return this.all('api/flow');
  }

  /** What a flow can be run through. */
  wrappers(): Promise<readonly IWrapper[]> {
    return this.all('api/wrapper');
  }

  flow(name: string): Promise<IFlow> {
    return this.get(`api/flow/${encode(name)}`);
  }

  flowVersion(hash: string): Promise<IFlowVersion> {
    return this.get(`api/flow_version/${encode(hash)}`);
  }

  // Output notebooks, and kernels that are kept.

  /** Null: nothing changed since the one with this `etag`. */
  notebook(id: string, after?: string): Promise<IOutputNotebook | null> {
    return this.get(`notebook/${encode(id)}${queryString({ after })}`);
  }

  notebookCell(id: string, index: number): Promise<IWholeCell> {
    return this.get(`notebook/${encode(id)}/cell/${index}`);
  }

  copyNotebook(id: string): Promise<{ readonly path: string }> {
    return this.post(`notebook/${encode(id)}/copy`);
  }

  attach(id: string): Promise<IAttachedKernel> {
    return this.post(`attach/${encode(id)}`);
  }

  detach(id: string): Promise<void> {
    return this.request('DELETE', `attach/${encode(id)}`);
  }

  // Files that Jupyter shows.

  fileSignature(path: string): Promise<IFileSignature> {
    return this.get(`file/signature${queryString({ path })}`);
  }

  runFile(start: IFileStart): Promise<IExecution> {
    return this.post('file/run', start as unknown as JsonObject);
  }

  // Summaries.

  flowSummaries(): Promise<readonly IFlowSummary[]> {
    return this.get('summary/flows');
  }

  /** @param since What failed since then. */
  homeSummary(since: Date): Promise<IHomeSummary> {
    return this.get(
      `summary/home${queryString({ since: since.toISOString() })}`
    );
  }

  charts(days: number): Promise<ICharts> {
    return this.get(`summary/charts${queryString({ days })}`);
  }

  // How requests are made.

  get<T>(path: string): Promise<T> {
    return this.request<T>('GET', path);
  }

  post<T>(path: string, body: JsonObject = {}): Promise<T> {
    return this.request<T>('POST', path, body);
  }

  /** All rows of a list, page by page. */
  async all<T>(path: string): Promise<readonly T[]> {
    const rows: T[] = [];
    for (let next: string | null = path; next !== null;) {
      const page: IPage<T> = await this.page<T>(next);
      rows.push(...page.rows);
      next = page.next;
    }
    return rows;
  }

  async page<T>(path: string): Promise<IPage<T>> {
    const response = await this._send('GET', path);
    const rows = (await response.json()) as readonly T[];
    return { rows, next: nextPath(response.headers.get('Link')) };
  }

  /** `path` is relative to `flowkernel/`, with its query string. */
  async request<T>(method: string, path: string, body?: Json): Promise<T> {
    const response = await this._send(method, path, body);
    if (response.status === 204 || response.status === 304) {
      return null as T;
    }
    const text = await response.text();
    return (text === '' ? null : JSON.parse(text)) as T;
  }

  private async _send(
    method: string,
    path: string,
    body?: Json
  ): Promise<Response> {
    const url = URLExt.join(this._settings.baseUrl, 'flowkernel', path);
    // With Lab's own `no-store` each address gets a number that the engine refuses.
    const init: RequestInit = { method, cache: 'no-cache' };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
    }
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this._settings);
    } catch {
      throw new EngineError('ServerUnreachable', UNREACHABLE, 0);
    }
    if (!response.ok && response.status !== 304) {
      throw await refusal(response);
    }
    return response;
  }
}

/** What a response that is no success says. */
async function refusal(response: Response): Promise<EngineError> {
  const text = await response.text();
  const body = parsed(text);
  if (typeof body?.['code'] === 'string') {
    return new EngineError(
      body['code'],
      String(body['message'] ?? ''),
      response.status
    );
  }
  if (response.status === 404) {
    return new EngineError('MissingRoute', MISSING_ROUTE, 404);
  }
  const reason = String(body?.['message'] ?? response.statusText);
  const sentence = `Jupyter Server refuses this with ${response.status}: ${reason}`;
  return new EngineError('ServerRefused', sentence, response.status);
}

function lineOf(event: ILogEvent): ILogLine {
  const { seq, happened_at, payload } = event;
  return { seq, happened_at, ...payload };
}

function parsed(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as Json;
    return typeof value === 'object' && !Array.isArray(value)
      ? (value as JsonObject)
      : null;
  } catch {
    return null;
  }
}

function queryString(query: Query): string {
  const words = Object.entries(query)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${encode(String(value))}`);
  return words.length > 0 ? `?${words.join('&')}` : '';
}

function encode(text: string): string {
  return encodeURIComponent(text);
}
