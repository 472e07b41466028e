/** What can be done with runs and flows from menus, the palette, and other plugins. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard, Notification } from '@jupyterlab/apputils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { ExecutionVerb } from '../api';
import { showCommandDialog } from '../components/command-dialog';
import { readTarget } from '../components/subject';
import { sentenceOf } from '../model/errors';
import { knownSubject } from '../model/family';
import { PendingActions } from '../model/pending-actions';
import type { RunAction } from '../model/run-actions';
import { actionsOf } from '../model/run-actions';
import type { IRun } from '../model/store';
import { isEnded, parentOf } from '../model/store';
import type { ViewOptions } from '../model/view-options';
import type { IFlowkernel } from '../tokens';
import { CommandIDs } from '../tokens';
import { cancel, releaseKernel, remove, retryFromHere } from './confirmations';
import { showSource } from './source';
import { runAgain, runFlow, runOnceMore } from './start-forms';

type Arguments = ReadonlyPartialJSONObject;

/** The id of the run that a command is about: as it was passed, or where the menu opened. */
function runIdOf(app: JupyterFrontEnd, args: Arguments): string | null {
  const id = args['executionId'];
  return typeof id === 'string' ? id : hitData(app, 'executionId');
}

function flowOf(app: JupyterFrontEnd, args: Arguments): string | null {
  const name = args['name'];
  return typeof name === 'string' ? name : hitData(app, 'flow');
}

function hitData(app: JupyterFrontEnd, key: string): string | null {
  const node = app.contextMenuHitTest(
    element => element.dataset[key] !== undefined
  );
  return node?.dataset[key] ?? null;
}

const RUN_ARGUMENTS = {
  args: {
    type: 'object',
    properties: {
      executionId: { type: 'string', description: 'The id of the run' }
    }
  }
} as const;
const FLOW_ARGUMENTS = {
  args: {
    type: 'object',
    properties: {
      name: { type: 'string', description: 'The name of the flow' }
    }
  }
} as const;

export function addRunCommands(
  app: JupyterFrontEnd,
  flowkernel: IFlowkernel
): void {
  const { trans, api } = flowkernel;
  const pending = new PendingActions();
  const add = (
    id: string,
    label: string,
    isFor: (run: IRun) => boolean,
    carryOut: (executionId: string) => Promise<unknown>
  ): void => {
    const isEnabled = (args: Arguments): boolean => {
      const executionId = runIdOf(app, args);
      const run =
        executionId === null ? undefined : flowkernel.store.run(executionId);
      return executionId !== null && (run === undefined || isFor(run));
    };
    app.commands.addCommand(id, {
      label,
      describedBy: RUN_ARGUMENTS,
      isEnabled,
      isVisible: isEnabled,
      execute: async args => {
        const executionId = runIdOf(app, args);
        if (executionId !== null) {
          await pending.run(`${id} ${executionId}`, () =>
            reportFailure(label, carryOut(executionId))
          );
        }
      }
    });
  };
  const verb = (name: ExecutionVerb & RunAction) => async (id: string) =>
    api.act(await readTarget(flowkernel, name, id), name);
  const can = (action: RunAction) => (run: IRun) => {
    const subject = knownSubject(flowkernel.store, run);
    return actionsOf(run, { top: null, canOpen: true, subject }).includes(
      action
    );
  };
  const isOver = (run: IRun): boolean => isEnded(run.status);

  add(CommandIDs.cancelRun, trans.__('Cancel'), can('cancel'), id =>
    cancel(flowkernel, id)
  );
  add(
    CommandIDs.pauseRun,
    trans.__('Pause after this cell'),
    can('pause'),
    verb('pause')
  );
  add(CommandIDs.resumeRun, trans.__('Resume'), can('resume'), verb('resume'));
  add(
    CommandIDs.runWithInputs,
    trans.__('Run with other inputs…'),
    () => true,
    id => runAgain(flowkernel, id)
  );
  add(CommandIDs.retryRun, trans.__('Run again'), isOver, id =>
    runOnceMore(flowkernel, id)
  );
  add(
    CommandIDs.retryFromHere,
    trans.__('Retry from here…'),
    run =>
      isOver(run) && run.status !== 'ENDED_SUCCESS' && parentOf(run) !== null,
    id => retryFromHere(flowkernel, id)
  );
  add(
    CommandIDs.releaseKernel,
    trans.__('Release the kernel…'),
    can('releaseKernel'),
    async id =>
      releaseKernel(
        flowkernel,
        await readTarget(flowkernel, 'releaseKernel', id)
      )
  );
  add(
    CommandIDs.copyCommand,
    trans.__('Copy as a command…'),
    () => true,
    id => Promise.resolve(showCommandDialog(flowkernel, id))
  );
  add(
    CommandIDs.archiveRun,
    trans.__('Archive'),
    run => isOver(run) && !run.is_archived,
    id => api.change(id, { is_archived: true })
  );
  add(CommandIDs.deleteRun, trans.__('Delete…'), isOver, id =>
    remove(flowkernel, id)
  );
  add(
    CommandIDs.copyRunId,
    trans.__('Copy the id'),
    () => true,
    id => Promise.resolve(Clipboard.copyToSystem(id))
  );
}

/** What fails is said; what works is seen in the list. */
async function reportFailure(
  title: string,
  action: Promise<unknown>
): Promise<void> {
  try {
    await action;
  } catch (error) {
    Notification.error(`${title}: ${sentenceOf(error)}`, { autoClose: false });
  }
}

export function addFlowCommands(
  app: JupyterFrontEnd,
  flowkernel: IFlowkernel,
  view: ViewOptions,
  showRunsOf: (flow: string) => void
): void {
  const { trans } = flowkernel;
  const isEnabled = (args: Arguments): boolean => flowOf(app, args) !== null;
  const add = (
    id: string,
    label: string,
    carryOut: (name: string) => void
  ): void => {
    app.commands.addCommand(id, {
      label,
      describedBy: FLOW_ARGUMENTS,
      isEnabled,
      isVisible: isEnabled,
      execute: args => {
        const name = flowOf(app, args);
        if (name !== null) {
          carryOut(name);
        }
      }
    });
  };
  add(CommandIDs.runFlow, trans.__('Run…'), name =>
    runFlow(flowkernel, name, { asksPerson: view.get().asksPerson })
  );
  add(CommandIDs.wrapFlow, trans.__('Run through a wrapper…'), name =>
    runFlow(flowkernel, name, {
      asksPerson: view.get().asksPerson,
      isWrapping: true
    })
  );
  add(CommandIDs.showRunsOf, trans.__('Show its runs'), showRunsOf);
  add(
    CommandIDs.openSource,
    trans.__('Open its source'),
    name => void showSource(app.commands, flowkernel, name)
  );
}

/** The menu of a line: runs, messages and flows have `data-` attributes. */
export function addContextMenus(app: JupyterFrontEnd): void {
  const run = '.jp-flowkernel-tree-row[data-execution-id]';
  const flow = '.jp-flowkernel-tree-row[data-flow]';
  const add = (selector: string, command: string, rank: number): void => {
    app.contextMenu.addItem({ command, selector, rank });
  };
  [
    CommandIDs.openRun,
    CommandIDs.cancelRun,
    CommandIDs.pauseRun,
    CommandIDs.resumeRun,
    CommandIDs.retryFromHere,
    CommandIDs.retryRun,
    CommandIDs.runWithInputs,
    CommandIDs.openInNotebook,
    CommandIDs.releaseKernel,
    CommandIDs.copyCommand,
    CommandIDs.copyRunId,
    CommandIDs.archiveRun,
    CommandIDs.deleteRun
  ].forEach((command, rank) => add(run, command, rank));
  [
    CommandIDs.runFlow,
    CommandIDs.wrapFlow,
    CommandIDs.showRunsOf,
    CommandIDs.openSource
  ].forEach((command, rank) => add(flow, command, rank));
}
