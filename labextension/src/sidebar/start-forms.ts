/** The forms that start a flow, and a run again with other inputs. */
import { showStartDialog } from '../components/start-dialog';
import { readSubject } from '../components/subject';
import { readWrappers } from '../components/wrapper-fields';
import { EngineError } from '../model/errors';
import { asksPersonOf, sameAgain, startAgain } from '../model/run-again';
import { ranFlow } from '../model/run-command';
import { isInteractive, startFields } from '../model/start-request';
import type { IFlowkernel } from '../tokens';
import type { IExecution, ISignature } from '../wire';

/** Of what says nothing about its parameters: any inputs, or none. */
const ANYTHING: ISignature = { parameters: [], takes_others: true };

/** A form for a flow; `isWrapping`: with the wrappers in sight. */
export function runFlow(
  flowkernel: IFlowkernel,
  name: string,
  options: { readonly asksPerson: boolean; readonly isWrapping?: boolean }
): void {
  const { api } = flowkernel;
  showStartDialog(flowkernel, {
    name,
    ...options,
    read: async () => {
      const [flow, wrappers] = await Promise.all([
        api.flow(name),
        readWrappers(api)
      ]);
      return {
        signature: flow.signature ?? ANYTHING,
        description: flow.description ?? '',
        isInteractive: flow.wrappers.some(isInteractive),
        wrappers,
        through: flow.wrappers
      };
    },
    start: request => api.start({ flow: name, ...startFields(request) }),
    onStarted: execution => openStarted(flowkernel, execution)
  });
}

/**
 * A form of the version that a run had, which begins with its inputs: what has the name of its
 * flow now may be another one, and a file has no flow.
 */
export async function runAgain(
  flowkernel: IFlowkernel,
  executionId: string
): Promise<void> {
  const { api, trans } = flowkernel;
  const execution = await api.execution(executionId);
  const name = ranFlow(execution) ?? execution.name;
  const flowRun = await readSubject(api, execution);
  const hash = flowRun?.flow_version ?? null;
  if (flowRun === null || hash === null) {
    const sentence = trans.__(
      '%1 never began, so there is nothing to run again.',
      name
    );
    throw new EngineError('NothingRan', sentence, 0);
  }
  showStartDialog(flowkernel, {
    name,
    asksPerson: asksPersonOf(execution),
    keepsKernel: execution.keeps_kernel === true,
    read: async () => {
      const { signature, path } = await api.flowVersion(hash);
      return {
        signature: signature ?? ANYTHING,
        description: path ?? '',
        inputs: flowRun.inputs ?? {},
        isInteractive: false
      };
    },
    start: request => api.start(startAgain(execution, flowRun, request)),
    onStarted: again => openStarted(flowkernel, again)
  });
}

/**
 * Run again: what succeeded as a new run with the same inputs and wrappers; what did not as a
 * retry, which keeps what succeeded under it.
 */
export async function runOnceMore(
  flowkernel: IFlowkernel,
  executionId: string
): Promise<void> {
  const { api } = flowkernel;
  const execution = await api.execution(executionId);
  const again =
    execution.status === 'ENDED_SUCCESS'
      ? await api.start(sameAgain(execution, await readSubject(api, execution)))
      : await api.retry(executionId);
  openStarted(flowkernel, again);
}

function openStarted(flowkernel: IFlowkernel, execution: IExecution): void {
  flowkernel.store.addRuns([execution]);
  flowkernel.open(execution.execution_id);
}
