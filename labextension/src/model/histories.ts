/** Reads what the timeline draws beside the rows: as queries, and what they give. */
import type { CellRunStatus, ISqlResult, Json } from '../wire';
import type { IFamilyRow } from './family';
import type { ICell, IHistory, IMove, MoveKind } from './timeline';

/** Runs of one query, inclusive. */
const CHUNK = 500;
/** What is read of the cells of one query, inclusive: the latest. */
const MOST_CELLS = 5_000;
const ID = /^[0-9a-f-]{36}$/;

/** Events that change what a run does, and what was decided on its cells. */
export function movesSql(ids: readonly string[]): string {
  return `SELECT execution_id::VARCHAR,
  CASE WHEN kind <> 'saved' THEN kind
    WHEN payload ->> '$.asked_at' IS NULL THEN 'unasked' ELSE 'asked' END,
  epoch_ms(happened_at), payload ->> '$.message_id',
  CASE kind WHEN 'decided' THEN payload ->> '$.verb' ELSE payload ->> '$.status' END,
  payload ->> '$.cell_id',
  kind = 'decided' AND payload ->> '$.difference' IS NOT NULL
FROM event WHERE execution_id IN (${idList(ids)}) AND (
  kind IN ('created', 'queued', 'started', 'waiting', 'resumed', 'paused', 'lost', 'failed',
    'decided', 'message_answered', 'message_closed', 'ended')
  OR kind = 'saved' AND json_exists(payload, '$.asked_at'))
ORDER BY seq`;
}

/** The cells of one run, and those of the others that did not succeed. */
export function cellsSql(ids: readonly string[], topId: string): string {
  return `SELECT execution_id::VARCHAR, cell_id, cell_index, cell_number, first_line, status,
  epoch_ms(started_at), epoch_ms(ended_at)
FROM cell_run WHERE execution_id IN (${idList(ids)}) AND (
  execution_id IN (${idList([topId])}) OR status NOT IN ('SUCCESS', 'EXITED', 'RUNNING'))
ORDER BY started_at DESC LIMIT ${MOST_CELLS}`;
}

/** Ids for a query; what is none is left out. */
export function idList(ids: readonly string[]): string {
  const words = ids.filter(id => ID.test(id)).map(id => `'${id}'::UUID`);
  return words.length > 0 ? words.join(', ') : 'NULL';
}

export class Histories {
  constructor(
    private readonly _topId: string,
    private readonly _sql: (query: string) => Promise<ISqlResult>
  ) {}

  /** What is known of these runs; only of those that changed it is read again. */
  async read(
    rows: readonly IFamilyRow[]
  ): Promise<ReadonlyMap<string, IHistory>> {
    const stale = rows
      .map(({ run }) => run)
      .filter(run => this._seqs.get(run.execution_id) !== run.last_seq);
    for (let start = 0; start < stale.length; start += CHUNK) {
      const runs = stale.slice(start, start + CHUNK);
      await this._read(runs.map(run => run.execution_id));
      runs.forEach(run => this._seqs.set(run.execution_id, run.last_seq));
    }
    return new Map(this._known);
  }

  private async _read(ids: readonly string[]): Promise<void> {
    const [moves, cells] = await Promise.all([
      this._sql(movesSql(ids)),
      this._sql(cellsSql(ids, this._topId))
    ]);
    const movesById = grouped(moves.rows);
    const cellsById = grouped([...cells.rows].reverse());
    for (const id of ids) {
      this._known.set(id, {
        moves: (movesById.get(id) ?? []).map(moveOf),
        cells: (cellsById.get(id) ?? []).map(cellOf)
      });
    }
  }

  private readonly _known = new Map<string, IHistory>();
  /** The number of the last change of a run when it was read. */
  private readonly _seqs = new Map<string, number>();
}

type Row = readonly Json[];

/** By the first column. */
function grouped(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const id = String(row[0]);
    const group = groups.get(id) ?? [];
    group.push(row);
    groups.set(id, group);
  }
  return groups;
}

function moveOf(row: Row): IMove {
  return {
    kind: String(row[1]) as MoveKind,
    at: Number(row[2]),
    messageId: textOf(row[3]),
    word: textOf(row[4]),
    cellId: textOf(row[5]),
    isEdited: row[6] === true
  };
}

function cellOf(row: Row): ICell {
  const [, cellId, index, number, firstLine, status, from, to] = row;
  return {
    cellId: String(cellId),
    index: Number(index),
    number: typeof number === 'number' ? number : null,
    firstLine: textOf(firstLine),
    status: String(status) as CellRunStatus,
    from: Number(from),
    to: to === null || to === undefined ? null : Number(to)
  };
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}
