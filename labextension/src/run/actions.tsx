/** What can be done with a run, as buttons: those that mean something as it is now. */
import { Button } from '../components/blocks';
import { useFlowkernel, useRun, useTrans } from '../components/context';
import type { RunAction } from '../model/run-actions';
import { actionsOf, targetOf } from '../model/run-actions';
import { isEnded, parentOf } from '../model/store';
import { CommandIDs } from '../tokens';
import type { IExecution, IExecutionRow } from '../wire';
import { useLab } from './lab';
import { readTop } from './lineage-data';
import { useReading } from '../components/reading';
import { useQuestion, useSubject } from './subject';

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
  const run: IExecutionRow = useRun(executionId) ?? execution;
  const top = useTop(execution);
  const canOpen = commands.hasCommand(CommandIDs.openInNotebook);
  const subject = useSubject(execution);
  const argsOf = (action: RunAction): { readonly executionId: string } => ({
    executionId: targetOf(action, run, subject).execution_id
  });
  return (
    <div className="jp-flowkernel-actions">
      <AnswerButton executionId={executionId} />
      {actionsOf(run, { top, canOpen, subject })
        .filter(action => commands.hasCommand(COMMANDS[action]))
        .map(action => (
          <Button
            key={action}
            label={commands.label(COMMANDS[action], argsOf(action))}
            isDanger={action === 'cancel'}
            onClick={() =>
              void commands.execute(COMMANDS[action], argsOf(action))
            }
          />
        ))}
    </div>
  );
}

/** Opens what waits for an answer about the run, or about what is under it. */
function AnswerButton(props: {
  readonly executionId: string;
}): JSX.Element | null {
  const { commands } = useLab();
  const trans = useTrans();
  const question = useQuestion(props.executionId);
  if (question === undefined) {
    return null;
  }
  const { message_id: messageId, about_id: aboutId } = question;
  return (
    <Button
      label={
        aboutId === null ? trans.__('Answer') : trans.__('Decide what to do')
      }
      isPrimary
      title={question.subject}
      onClick={() =>
        void commands.execute(CommandIDs.openMessage, { messageId })
      }
    />
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
