/** Starts a notebook or a script that Jupyter shows. */
import { Notification } from '@jupyterlab/apputils';

import { showStartDialog } from '../components/start-dialog';
import { readWrappers } from '../components/wrapper-fields';
import { EngineError, sentenceOf } from '../model/errors';
import { fileStart, startsAtOnce } from '../model/files';
import type { IFlowkernel } from '../tokens';
import type { IExecution, IFileSignature } from '../wire';

/** A person is asked if a cell fails, unless they say otherwise. */
const ASKS = true;

/** Show the form of what it declares. */
export function runWithForm(
  flowkernel: IFlowkernel,
  path: string,
  read = signatureOf(flowkernel, path)
): void {
  const name = path.split('/').pop() ?? path;
  showStartDialog(flowkernel, {
    name,
    asksPerson: ASKS,
    read: async () => {
      const [{ parameters, takes_others }, wrappers] = await Promise.all([
        read,
        readWrappers(flowkernel.api)
      ]);
      return {
        signature: { parameters, takes_others },
        description: path,
        isInteractive: false,
        wrappers
      };
    },
    start: request => flowkernel.api.runFile(fileStart(path, request)),
    onStarted: execution => show(flowkernel, execution)
  });
}

/** Start it with its defaults; if something must be filled in, show the form. */
export async function runAtOnce(
  flowkernel: IFlowkernel,
  path: string
): Promise<void> {
  try {
    const signature = await signatureOf(flowkernel, path);
    if (!startsAtOnce(signature)) {
      runWithForm(flowkernel, path, Promise.resolve(signature));
      return;
    }
    const start = fileStart(path, {
      inputs: {},
      texts: {},
      name: null,
      asksPerson: ASKS,
      keepsKernel: false,
      using: []
    });
    show(flowkernel, await flowkernel.api.runFile(start));
  } catch (error) {
    const title = flowkernel.trans.__('%1 was not started', path);
    Notification.error(`${title}: ${sentenceOf(error)}`, { autoClose: false });
  }
}

async function signatureOf(
  { api }: IFlowkernel,
  path: string
): Promise<IFileSignature> {
  const signature = await api.fileSignature(path);
  if (signature.problem !== null) {
    throw new EngineError('BadSource', signature.problem, 0);
  }
  return signature;
}

function show(flowkernel: IFlowkernel, execution: IExecution): void {
  flowkernel.store.addRuns([execution]);
  flowkernel.open(execution.execution_id);
}
