/** One cell of an output notebook: its source, how it ran, its log and its outputs. */
import { memo, useEffect, useMemo, useRef, useState } from 'react';

import { Button, ErrorBlock } from '../components/blocks';
import { useFlowkernel, useNow, useTrans } from '../components/context';
import { StatusIcon } from '../components/status';
import { durationText, momentOf } from '../model/durations';
import { textOutput } from '../model/mime';
import { cellWord, isBanner, keyOf, sizeText } from '../model/notebook-cells';
import type { ITranslate } from '../model/words';
import type {
  CellRunStatus,
  ExecutionStatus,
  INotebookCell,
  IWholeCell
} from '../wire';
import { CellLog } from './cell-log';
import { Foreign, Output } from './foreign';
import { Source } from './source';

/** Cells are drawn so far before they come into sight. */
const NEAR = '800px';

const STATES: { readonly [state in CellRunStatus]: ExecutionStatus } = {
  RUNNING: 'RUNNING',
  SUCCESS: 'ENDED_SUCCESS',
  EXITED: 'ENDED_SUCCESS',
  ERROR: 'ENDED_ERROR',
  ALLOWED_ERROR: 'ENDED_ERROR',
  TIMED_OUT: 'ENDED_ERROR',
  INTERRUPTED: 'ENDED_CANCELLED',
  KERNEL_DIED: 'ENDED_ERROR',
  LOST: 'ENDED_ERROR'
};
interface ICellProps {
  readonly cell: INotebookCell;
  readonly executionId: string;
  readonly language: string;
}

export const Cell = memo(function Cell(props: ICellProps): JSX.Element {
  const { cell } = props;
  const trans = useTrans();
  const item = useRef<HTMLLIElement>(null);
  const isNear = useNear(item);
  return (
    <li
      ref={item}
      className="jp-flowkernel-cell"
      data-cell={keyOf(cell)}
      data-state={cell.state ?? undefined}
      data-banner={isBanner(cell) || undefined}
      aria-label={cellLabel(cell, trans)}
      tabIndex={-1}
    >
      {cell.type === 'code' ? (
        <CodeCell {...props} isNear={isNear} />
      ) : (
        <Prose cell={cell} isNear={isNear} />
      )}
    </li>
  );
});

/** Its name and how it ran. */
function cellLabel(cell: INotebookCell, trans: ITranslate): string {
  const word = cellWord(cell.state, trans);
  const name = cellName(cell, trans);
  return word === '' ? name : `${name}, ${word}`;
}

function cellName(cell: INotebookCell, trans: ITranslate): string {
  if (isBanner(cell)) {
    return trans.__('What a person decided');
  }
  if (cell.type !== 'code') {
    return trans.__('Text');
  }
  return cell.number === null
    ? trans.__('Cell that was added')
    : trans.__('Cell %1', cell.number);
}

/** Whether it is, or was, near what is in sight: then it is drawn in full. */
function useNear(element: React.RefObject<HTMLElement>): boolean {
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    if (isNear || element.current === null) {
      return;
    }
    const observer = new IntersectionObserver(
      entries => setNear(entries.some(entry => entry.isIntersecting)),
      { rootMargin: NEAR }
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element, isNear]);
  return isNear;
}

/** Markdown as text; what is raw stays as it is. */
function Prose(props: {
  readonly cell: INotebookCell;
  readonly isNear: boolean;
}): JSX.Element {
  const { cell, isNear } = props;
  const trans = useTrans();
  const output = useMemo(
    () => textOutput('text/markdown', cell.source),
    [cell.source]
  );
  if (cell.type !== 'markdown' || !isNear) {
    return <pre className="jp-flowkernel-cell-source">{cell.source}</pre>;
  }
  return (
    <Foreign
      output={output}
      mimeType="text/markdown"
      label={cellName(cell, trans)}
    />
  );
}

function CodeCell(
  props: ICellProps & { readonly isNear: boolean }
): JSX.Element {
  const { cell, executionId, language, isNear } = props;
  const trans = useTrans();
  const [showsLog, setShowsLog] = useState(false);
  const label = cellName(cell, trans);
  return (
    <>
      <div className="jp-flowkernel-cell-head">
        <span className="jp-flowkernel-cell-number">
          {cell.number === null ? '' : `[${cell.number}]`}
        </span>
        {cell.state !== null && (
          <span className="jp-flowkernel-run-status">
            <StatusIcon status={STATES[cell.state]} />
            {cellWord(cell.state, trans)}
          </span>
        )}
        <CellTook cell={cell} />
        {cell.started_at !== null && (
          <button
            type="button"
            className="jp-flowkernel-link"
            aria-expanded={showsLog}
            aria-label={trans.__('Log of %1', label)}
            onClick={() => setShowsLog(!showsLog)}
          >
            {trans.__('Log')}
          </button>
        )}
      </div>
      {isNear ? (
        <Source
          code={cell.source}
          language={language}
          label={trans.__('Source of %1', label)}
        />
      ) : (
        <pre className="jp-flowkernel-cell-source">{cell.source}</pre>
      )}
      {showsLog && <CellLog executionId={executionId} cell={cell} />}
      {isNear && <Outputs cell={cell} executionId={executionId} />}
    </>
  );
}

function CellTook(props: { readonly cell: INotebookCell }): JSX.Element | null {
  const { cell } = props;
  const now = useNow(cell.state === 'RUNNING');
  const start = momentOf(cell.started_at);
  if (start === null) {
    return null;
  }
  const end = momentOf(cell.ended_at) ?? now;
  return (
    <span className="jp-flowkernel-took">
      {durationText(cell.duration_sec ?? (end - start) / 1000)}
    </span>
  );
}

/** All outputs of a cell, read on request. */
interface IWholeReading {
  /** The outputs that were here when it was requested. */
  readonly of: INotebookCell['outputs'];
  readonly whole?: IWholeCell;
  readonly error?: unknown;
}

const NOT_READ: Omit<IWholeReading, 'of'> = {};

function Outputs(props: {
  readonly cell: INotebookCell;
  readonly executionId: string;
}): JSX.Element | null {
  const { cell, executionId } = props;
  const { api } = useFlowkernel();
  const trans = useTrans();
  const [reading, setReading] = useState<IWholeReading | null>(null);
  const label = trans.__('Output of %1', cellName(cell, trans));
  // What was read before the cell wrote more is older than what is here.
  const current = reading?.of === cell.outputs ? reading : null;
  const { whole = null, error = null } = current ?? NOT_READ;
  const isReading = current !== null && whole === null && error === null;
  const outputs = whole?.outputs ?? cell.outputs;
  const read = async (): Promise<void> => {
    const of = cell.outputs;
    setReading({ of });
    try {
      const whole = await api.notebookCell(executionId, cell.index);
      setReading(now => (now?.of === of ? { of, whole } : now));
    } catch (error) {
      setReading(now => (now?.of === of ? { of, error } : now));
    }
  };
  if (outputs.length === 0 && !cell.is_cut) {
    return null;
  }
  return (
    <div className="jp-flowkernel-outputs">
      {outputs.map((output, place) => (
        <Output key={place} output={output} label={label} />
      ))}
      {cell.is_cut && whole === null && (
        <p className="jp-flowkernel-remark">
          {trans.__('Cut: this cell has %1 of outputs.', sizeText(cell.bytes))}{' '}
          <Button
            label={trans.__('Show all of it')}
            isDisabled={isReading}
            onClick={() => void read()}
          />
        </p>
      )}
      {error !== null && (
        <ErrorBlock
          title={trans.__('The outputs cannot be read')}
          error={error}
        />
      )}
    </div>
  );
}
