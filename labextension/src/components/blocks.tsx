/** What a page shows where it has nothing else: errors, empty lists, and waits. */
import type { ReactNode } from 'react';

import { sentenceOf } from '../model/errors';
import { useTrans } from './context';

export interface IAction {
  readonly label: string;
  readonly onClick: () => void;
}

/** A button of ours, with the look of Lab's. */
export function Button(props: {
  readonly label: string;
  readonly onClick: () => void;
  readonly isPrimary?: boolean;
  readonly isDanger?: boolean;
  readonly isDisabled?: boolean;
  readonly title?: string;
}): JSX.Element {
  const kinds = [
    props.isPrimary ? 'jp-mod-accept' : 'jp-mod-reject',
    props.isDanger ? 'jp-mod-warn' : ''
  ];
  return (
    <button
      type="button"
      className={`jp-flowkernel-button jp-mod-styled ${kinds.join(' ')}`}
      onClick={props.onClick}
      disabled={props.isDisabled}
      title={props.title}
    >
      {props.label}
    </button>
  );
}

/** What went wrong, and what to do. Read aloud when it appears. */
export function ErrorBlock(props: {
  readonly title: string;
  readonly error?: unknown;
  readonly children?: ReactNode;
  readonly actions?: readonly IAction[];
}): JSX.Element {
  const actions = props.actions ?? [];
  return (
    <div className="jp-flowkernel-error" role="alert">
      <strong>{props.title}</strong>
      {props.error !== undefined && <p>{sentenceOf(props.error)}</p>}
      {props.children}
      {actions.length > 0 && (
        <div className="jp-flowkernel-actions">
          {actions.map(action => (
            <Button key={action.label} {...action} />
          ))}
        </div>
      )}
    </div>
  );
}

/** Why a list is empty, and how it gets something. */
export function EmptyState(props: {
  readonly title: string;
  readonly children?: ReactNode;
  readonly actions?: readonly IAction[];
}): JSX.Element {
  const actions = props.actions ?? [];
  return (
    <div className="jp-flowkernel-empty">
      <p className="jp-flowkernel-empty-title">{props.title}</p>
      {props.children}
      {actions.length > 0 && (
        <div className="jp-flowkernel-actions">
          {actions.map(action => (
            <Button key={action.label} {...action} />
          ))}
        </div>
      )}
    </div>
  );
}

/** Something is read; shown only after a moment, for most is there before. */
export function Loading(props: { readonly label?: string }): JSX.Element {
  const trans = useTrans();
  return (
    <div className="jp-flowkernel-loading" role="status">
      {props.label ?? trans.__('Reading…')}
    </div>
  );
}
