/** What is asked before runs are ended, deleted or repeated: with how many runs that are. */
import { Dialog, showDialog } from '@jupyterlab/apputils';

import { activeUnder, retryPlan } from '../model/run-actions';
import { isEnded } from '../model/store';
import type { IFlowkernel } from '../tokens';
import type { IExecution } from '../wire';

export async function cancel(
  flowkernel: IFlowkernel,
  id: string
): Promise<void> {
  const { trans, api } = flowkernel;
  const count = activeUnder(await family(flowkernel, id), id);
  const isAccepted = await isConfirmed({
    title: trans.__('Cancel %1?', nameOf(flowkernel, id)),
    body:
      count === 0
        ? trans.__('It stops now.')
        : trans._n(
            'It stops now, and 1 run under it.',
            'It stops now, and %1 runs under it.',
            count
          ),
    keep: trans.__('Let it run'),
    accept: trans.__('Cancel it')
  });
  if (isAccepted) {
    await api.act(id, 'cancel');
  }
}

export async function remove(
  flowkernel: IFlowkernel,
  id: string
): Promise<void> {
  const { trans, api } = flowkernel;
  const rows = await family(flowkernel, id);
  const count = rows.filter(row => row.execution_id !== id).length;
  const isAccepted = await isConfirmed({
    title: trans.__('Delete %1?', nameOf(flowkernel, id)),
    body:
      count === 0
        ? trans.__(
            'Its record and its output notebook are deleted. This cannot be undone.'
          )
        : trans._n(
            'Its record, its output notebook, and 1 run under it are deleted. This cannot be undone.',
            'Its record, its output notebook, and %1 runs under it are deleted. This cannot be undone.',
            count
          ),
    keep: trans.__('Keep it'),
    accept: trans.__('Delete it')
  });
  if (isAccepted) {
    await api.remove(id);
  }
}

export async function releaseKernel(
  flowkernel: IFlowkernel,
  id: string
): Promise<void> {
  const { trans, api } = flowkernel;
  const isAccepted = await isConfirmed({
    title: trans.__('Release the kernel of %1?', nameOf(flowkernel, id)),
    body: trans.__(
      'It ends, and its variables are gone. What the run left stays.'
    ),
    keep: trans.__('Keep it'),
    accept: trans.__('Release it')
  });
  if (isAccepted) {
    await api.act(id, 'release_kernel');
  }
}

/** Retry the root of a run that failed: so it goes on from there, with what succeeded. */
export async function retryFromHere(
  flowkernel: IFlowkernel,
  id: string
): Promise<void> {
  const { trans, api, store } = flowkernel;
  const above = await api.ancestors(id);
  const top = above[above.length - 1];
  if (top === undefined) {
    return;
  }
  if (!isEnded(top.status)) {
    const body = trans.__(
      '%1 has not ended. What failed in it can be retried when it has.',
      top.name
    );
    await showDialog({
      title: trans.__('Not yet'),
      body,
      buttons: [Dialog.okButton({ label: trans.__('Close') })]
    });
    return;
  }
  const { kept, again } = retryPlan(await family(flowkernel, top.execution_id));
  const isAccepted = await isConfirmed({
    title: trans.__('Retry %1 from here?', top.name),
    body: [
      trans._n(
        '1 run is carried out again',
        '%1 runs are carried out again',
        again
      ),
      trans._n(
        '1 run succeeded and is kept with its output.',
        '%1 runs succeeded and are kept with their output.',
        kept
      )
    ].join('; '),
    keep: trans.__('Leave it'),
    accept: trans.__('Retry')
  });
  if (isAccepted) {
    const execution = await api.retry(top.execution_id);
    store.addRuns([execution]);
    flowkernel.open(execution.execution_id);
  }
}

async function isConfirmed(question: {
  readonly title: string;
  readonly body: string;
  readonly keep: string;
  readonly accept: string;
}): Promise<boolean> {
  const answer = await showDialog({
    title: question.title,
    body: question.body,
    buttons: [
      Dialog.cancelButton({ label: question.keep }),
      Dialog.warnButton({ label: question.accept })
    ]
  });
  return answer.button.accept;
}

/** It and all under it, the first page: more than that nobody counts. */
async function family(
  { api }: IFlowkernel,
  id: string
): Promise<readonly IExecution[]> {
  return (await api.tree(id)).executions;
}

function nameOf({ store }: IFlowkernel, id: string): string {
  return store.run(id)?.name ?? id;
}
