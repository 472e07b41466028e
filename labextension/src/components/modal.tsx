/** A modal dialog of the browser: it keeps the focus, closes with Escape, and is read as one. */
import { ReactWidget } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';
import type { ReactNode } from 'react';
import { useEffect, useId, useLayoutEffect, useRef } from 'react';

import type { IFlowkernel } from '../tokens';
import { FlowkernelProvider } from './context';

/** Draw a dialog over the page until `close` is called, or a person closes it. */
export function showModal(
  flowkernel: IFlowkernel,
  render: (close: () => void) => JSX.Element
): void {
  const widget = new ModalWidget(flowkernel, render);
  Widget.attach(widget, document.body);
}

class ModalWidget extends ReactWidget {
  constructor(
    private readonly _flowkernel: IFlowkernel,
    private readonly _render: (close: () => void) => JSX.Element
  ) {
    super();
    this.addClass('jp-flowkernel-modal-host');
    this._opener = document.activeElement;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    super.dispose();
    if (this._opener instanceof HTMLElement) {
      this._opener.focus();
    }
  }

  protected render(): JSX.Element {
    return (
      <FlowkernelProvider flowkernel={this._flowkernel}>
        {this._render(() => this.dispose())}
      </FlowkernelProvider>
    );
  }

  /** What has the focus again afterwards. */
  private readonly _opener: Element | null;
}

export function Modal(props: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  // What had the focus may be gone with its part of the dialog: then the dialog has it.
  useEffect(() => {
    if (document.activeElement === document.body) {
      dialog.current?.focus();
    }
  });
  return (
    <dialog
      ref={dialog}
      tabIndex={-1}
      className="jp-flowkernel-modal"
      aria-labelledby={id}
      onCancel={event => {
        event.preventDefault();
        props.onClose();
      }}
      onKeyDown={event => event.stopPropagation()}
    >
      <h2 id={id}>{props.title}</h2>
      {props.children}
    </dialog>
  );
}
