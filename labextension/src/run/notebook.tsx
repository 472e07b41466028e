/** The output notebook of a run, cell by cell, while it is written. */
import { useRef } from 'react';

import { Button, EmptyState, ErrorBlock, Loading } from '../components/blocks';
import { useTrans } from '../components/context';
import { EngineError } from '../model/errors';
import { keyOf } from '../model/notebook-cells';
import type { CellRunStatus, INotebookCell } from '../wire';
import { Cell } from './cell';
import { useNotebook } from './notebook-reading';
import type { ISectionProps } from './sections';

const FAILED: readonly (CellRunStatus | null)[] = [
  'ERROR',
  'TIMED_OUT',
  'KERNEL_DIED',
  'LOST'
];

export function Notebook(props: ISectionProps): JSX.Element {
  const { execution } = props;
  const trans = useTrans();
  const { value: notebook, error } = useNotebook(execution.execution_id);
  if (notebook === null) {
    return <NoNotebook error={error} />;
  }
  return (
    <>
      {error !== null && (
        <ErrorBlock
          title={trans.__('The notebook cannot be read again')}
          error={error}
        />
      )}
      <CellLinks cells={notebook.cells} />
      <ol className="jp-flowkernel-cells" aria-label={trans.__('Cells')}>
        {notebook.cells.map(cell => (
          <Cell
            key={keyOf(cell)}
            cell={cell}
            executionId={execution.execution_id}
            language={notebook.language}
          />
        ))}
      </ol>
    </>
  );
}

function NoNotebook(props: { readonly error: unknown }): JSX.Element {
  const { error } = props;
  const trans = useTrans();
  if (error === null) {
    return <Loading />;
  }
  if (error instanceof EngineError && error.code === 'FileMissing') {
    return (
      <EmptyState title={trans.__('There is no output notebook.')}>
        <p>{error.message}</p>
      </EmptyState>
    );
  }
  return (
    <ErrorBlock title={trans.__('The notebook cannot be read')} error={error} />
  );
}

/** Buttons to the cells that are looked for most. */
function CellLinks(props: {
  readonly cells: readonly INotebookCell[];
}): JSX.Element {
  const { cells } = props;
  const trans = useTrans();
  const bar = useRef<HTMLDivElement>(null);
  const show = (cell: INotebookCell): void => {
    const list = bar.current?.nextElementSibling;
    const item = list?.querySelector<HTMLElement>(
      `[data-cell="${CSS.escape(keyOf(cell))}"]`
    );
    item?.scrollIntoView({ block: 'start' });
    item?.focus({ preventScroll: true });
  };
  const code = cells.filter(cell => cell.number !== null);
  const ran = code.filter(cell => cell.state !== null);
  const failed = cells.find(cell => FAILED.includes(cell.state));
  const running = cells.find(cell => cell.state === 'RUNNING');
  return (
    <div ref={bar} className="jp-flowkernel-section-bar">
      <span>{trans.__('%1 of %2 cells ran', ran.length, code.length)}</span>
      {failed && (
        <Button
          label={trans.__('Show the cell that failed')}
          onClick={() => show(failed)}
        />
      )}
      {running && (
        <Button
          label={trans.__('Show the cell that runs')}
          onClick={() => show(running)}
        />
      )}
    </div>
  );
}
