/** What the plugins of flowkernel share. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import { Token } from '@lumino/coreutils';

import type { Api } from './api';
import type { EngineModel } from './model/engine';
import type { RunStore } from './model/store';

/** The namespace of our strings. */
export const TRANSLATION = 'flowkernel';

/** The commands that more than one plugin uses. */
export const CommandIDs = {
  /** Open, or reveal, the page of a run: `{ executionId }`. */
  openRun: 'flowkernel:open-run',
  /** Show what waits for people. */
  openInbox: 'flowkernel:open-inbox',
  /** Show the runs in the sidebar. */
  openRuns: 'flowkernel:open-runs',
  /** Show the flows in the sidebar. */
  openFlows: 'flowkernel:open-flows',
  openHome: 'flowkernel:open-home',
  /** Start a flow with the form of its parameters: `{ name }`. */
  runFlow: 'flowkernel:run-flow',
  /** The same with the wrappers in sight: `{ name }`. */
  wrapFlow: 'flowkernel:wrap-flow',
  /** Start a file with the form of its parameters: `{ path }`. */
  runFile: 'flowkernel:run-file',
  /** Start a file; with its form only if something must be filled in: `{ path }`. */
  runFileNow: 'flowkernel:run-file-now',
  /** Save the current notebook, and start it with the form of its parameters. */
  runNotebook: 'flowkernel:run-notebook',
  cancelRun: 'flowkernel:cancel-run',
  pauseRun: 'flowkernel:pause-run',
  resumeRun: 'flowkernel:resume-run',
  retryRun: 'flowkernel:retry-run',
  /** Retry the root of a run that failed: what succeeded is kept. */
  retryFromHere: 'flowkernel:retry-from-here',
  /** Show how a run is started again elsewhere, as texts to copy. */
  copyCommand: 'flowkernel:copy-command',
  /** Open the output notebook of a run, on its kernel if that is kept: `{ executionId }`. */
  openInNotebook: 'flowkernel:open-in-notebook',
  /** End the kernel that a run has kept after its end: `{ executionId }`. */
  releaseKernel: 'flowkernel:release-kernel',
  /** Start the flow of a run with a form that has its inputs. */
  runWithInputs: 'flowkernel:run-with-inputs',
  archiveRun: 'flowkernel:archive-run',
  deleteRun: 'flowkernel:delete-run',
  /** Copy the id of a run. */
  copyRunId: 'flowkernel:copy-run-id',
  /** Show the runs of a flow in the sidebar: `{ name }`. */
  showRunsOf: 'flowkernel:show-runs-of',
  /** Open the file of a flow, or show its source: `{ name }`. */
  openSource: 'flowkernel:open-source',
  /** Show a message, to answer it: `{ messageId }`. */
  openMessage: 'flowkernel:open-message'
} as const;

/** Lists are to be read again. */
export interface IRefresh {
  /** Whether anything may be missing, or gone: then what is not read again is forgotten. */
  readonly isAgain: boolean;
  /** Tell what is being read: nothing is forgotten before all of it is here. */
  until(reading: Promise<unknown>): void;
}

/** What every plugin of ours needs. */
export interface IFlowkernel {
  readonly api: Api;
  readonly store: RunStore;
  readonly engine: EngineModel;
  readonly trans: TranslationBundle;
  /** The lists that were read may be incomplete, or the engine is there again: read them again. */
  readonly refreshed: ISignal<IFlowkernel, IRefresh>;
  /** Open, or reveal, the page of a run. */
  open(executionId: string): void;
  /** Start the engine, or find out why it cannot start; throws an `EngineError`. */
  startEngine(): Promise<void>;
}

export const IFlowkernel = new Token<IFlowkernel>(
  'flowkernel:IFlowkernel',
  'The runs, flows and messages of flowkernel, kept current for this window.'
);
