/** What can be done with a run, as buttons: those that mean something as it is now. */
import { Button } from '../components/blocks';
import { useFlowkernel, useRun } from '../components/context';
import type { RunAction } from '../model/run-actions';
import { actionsOf } from '../model/run-actions';
import { isEnded, parentOf } from '../model/store';
import { CommandIDs } from '../tokens';
import type { IExecution } from '../wire';
import { useLab } from './lab';
import { readTop } from './lineage-data';
import { useReading } from '../components/reading';

const COMMANDS: { readonly [action in RunAction]: string } = {
  cancel: CommandIDs.cancelRun,
  pause: CommandIDs.pauseRun,
  resume: CommandIDs.resumeRun,
  retry: CommandIDs.retryRun,
  retryFromHere: CommandIDs.retryFromHere,
  runWithInputs: CommandIDs.runWithInputs,
  openNotebook: CommandIDs.openInNotebook,
  releaseKernel: CommandIDs.releaseKernel,
  copyCommand: CommandIDs.copyCommand
};

export function ActionBar(props: {
  readonly execution: IExecution;
}): JSX.Element {
  const { execution } = props;
  const executionId = execution.execution_id;
  const { commands } = useLab();
  const run = useRun(executionId) ?? execution;
  const top = useTop(execution);
  const canOpen = commands.hasCommand(CommandIDs.openInNotebook);
  const args = { executionId };
  return (
    <div className="jp-flowkernel-actions">
      {actionsOf(run, { top, canOpen })
        .filter(action => commands.hasCommand(COMMANDS[action]))
        .map(action => (
          <Button
            key={action}
            label={commands.label(COMMANDS[action], args)}
            isDanger={action === 'cancel'}
            onClick={() => void commands.execute(COMMANDS[action], args)}
          />
        ))}
    </div>
  );
}

/** The root above a run that failed, as it is now; null: it is one itself, or is not known. */
function useTop(execution: IExecution): IExecution | null {
  const { api } = useFlowkernel();
  const id = execution.execution_id;
  const isFailed =
    isEnded(execution.status) && execution.status !== 'ENDED_SUCCESS';
  const isUnder = parentOf(execution) !== null;
  const version = isFailed && isUnder ? execution.adopted_by : 'none';
  const { value } = useReading<IExecution | null>(
    `top:${id}`,
    version,
    async () => (isFailed && isUnder ? readTop(api, execution) : null)
  );
  const current = useRun(value?.execution_id ?? '');
  return value === null ? null : { ...value, ...current };
}
