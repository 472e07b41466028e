/** The kernel that a run keeps after its end: until when, and whose it is. */
import { useFlowkernel, useRun, useTrans } from '../components/context';
import { momentText } from '../components/time';
import { keepsKernel } from '../model/run-actions';
import { isEnded } from '../model/store';
import type { IExecution, IExecutionRow } from '../wire';
import { useSubject } from './subject';

export function KernelLine(props: {
  readonly execution: IExecution;
}): JSX.Element | null {
  const { execution } = props;
  const { execution_id: id } = execution;
  const { open } = useFlowkernel();
  const trans = useTrans();
  const subject = useSubject(execution);
  const run = useRun(id) ?? execution;
  // A wrapper keeps none: the run that it is about does.
  const owner = run.keeps_kernel === true ? subject : null;
  if (owner === null || !isEnded(owner.status)) {
    return null;
  }
  return (
    <p className="jp-flowkernel-facts">
      {owner.execution_id !== id && (
        <button
          type="button"
          className="jp-flowkernel-link"
          onClick={() => open(owner.execution_id)}
        >
          {owner.name}
        </button>
      )}
      <span>{keepingText(owner, trans)}</span>
    </p>
  );
}

function keepingText(
  owner: IExecutionRow,
  trans: ReturnType<typeof useTrans>
): string {
  if (!keepsKernel(owner)) {
    return trans.__('Its kernel is no longer kept.');
  }
  return trans.__(
    'Its kernel is kept until %1: “Open in notebook” has its variables.',
    momentText(owner.parked_until ?? null)
  );
}
