/** What was logged and printed while a cell ran. */
import type { Api } from '../api';
import { ErrorBlock, Loading } from '../components/blocks';
import { useFlowkernel, useTrans } from '../components/context';
import { useReading } from '../components/reading';
import { lineText } from '../model/log-lines';
import { keyOf } from '../model/notebook-cells';
import type { INotebookCell } from '../wire';
import { clockText } from './clock';
import { VirtualLines } from './virtual-lines';

/** Rows of the log of a cell that are shown, inclusive: the first ones. */
const MOST_ROWS = 2_000;

export function CellLog(props: {
  readonly executionId: string;
  readonly cell: INotebookCell;
}): JSX.Element {
  const { executionId, cell } = props;
  const { api } = useFlowkernel();
  const trans = useTrans();
  const key = `${executionId} ${keyOf(cell)}`;
  const { value: lines, error } = useReading(key, cell, () =>
    readLog(api, executionId, cell)
  );
  if (lines === null) {
    return error === null ? (
      <Loading />
    ) : (
      <ErrorBlock title={trans.__('The log cannot be read')} error={error} />
    );
  }
  if (lines.length === 0) {
    return (
      <p className="jp-flowkernel-remark">
        {trans.__('It has logged and printed nothing.')}
      </p>
    );
  }
  return (
    <VirtualLines
      mostLines={20}
      label={trans.__('Log of cell %1', cell.number ?? cell.index + 1)}
      count={lines.length}
      render={place => lines[place]}
    />
  );
}

/** The log has no cells: what was written while this one ran is its own. */
async function readLog(
  api: Api,
  executionId: string,
  cell: INotebookCell
): Promise<readonly string[]> {
  const end =
    cell.ended_at === null
      ? ''
      : `AND happened_at <= '${moment(cell.ended_at, 1)}'::TIMESTAMP `;
  const { rows } = await api.sql(
    'SELECT epoch_ms(happened_at), text FROM log ' +
      `WHERE execution_id = '${executionId}'::UUID ` +
      `AND happened_at >= '${moment(cell.started_at ?? '', 0)}'::TIMESTAMP ` +
      `${end}ORDER BY seq LIMIT ${MOST_ROWS}`
  );
  return rows.flatMap(([at, text]) =>
    String(text)
      .replace(/\n$/, '')
      .split('\n')
      .map(line => `${clockText(Number(at))}  ${lineText(line)}`)
  );
}

/** A moment as the store has it: UTC, of no zone. `more`: milliseconds to add. */
function moment(at: string, more: number): string {
  return new Date(Date.parse(at) + more).toISOString().slice(0, -1);
}
