/** The page of one run: what it is under, how it went, why, with what, and its log. */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import { useEffect } from 'react';

import { FlowkernelProvider, useTrans } from '../components/context';
import { RunActions, RunBody, useRunDetails } from '../components/run-dialog';
import type { IFlowkernel } from '../tokens';

export class RunPage extends ReactWidget {
  constructor(
    private readonly _flowkernel: IFlowkernel,
    private readonly _commands: CommandRegistry,
    readonly executionId: string
  ) {
    super();
    this.addClass('jp-flowkernel-panel');
    this.addClass('jp-flowkernel-run-page');
    this._setName(_flowkernel.store.run(executionId)?.name ?? executionId);
  }

  protected render(): JSX.Element {
    return (
      <FlowkernelProvider flowkernel={this._flowkernel}>
        <Page
          executionId={this.executionId}
          commands={this._commands}
          onName={name => this._setName(name)}
        />
      </FlowkernelProvider>
    );
  }

  private _setName(name: string): void {
    this.title.label = name;
    this.title.caption = name;
  }
}

function Page(props: {
  readonly executionId: string;
  readonly commands: CommandRegistry;
  readonly onName: (name: string) => void;
}): JSX.Element {
  const { executionId, commands, onName } = props;
  const trans = useTrans();
  const { details, error } = useRunDetails(executionId);
  const name = details?.execution.name;
  useEffect(() => {
    if (name !== undefined) {
      onName(name);
    }
  });
  return (
    <section
      className="jp-flowkernel-run-body"
      aria-label={trans.__('Run %1', name ?? executionId)}
    >
      <h1 className="jp-flowkernel-run-title">{name ?? executionId}</h1>
      <RunBody executionId={executionId} details={details} error={error} />
      {details !== null && (
        <div className="jp-flowkernel-actions">
          <RunActions
            executionId={executionId}
            commands={commands}
            row={details.execution}
          />
        </div>
      )}
    </section>
  );
}
