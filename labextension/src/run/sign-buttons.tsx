/** Buttons that are a sign, as `+`: one that does nothing now keeps its place and the focus. */

export interface ISignButton {
  readonly sign: string;
  readonly label: string;
  readonly onClick: () => void;
  readonly isDisabled: boolean;
}

export function SignButtons(props: {
  readonly label: string;
  readonly buttons: readonly ISignButton[];
}): JSX.Element {
  return (
    <div role="group" aria-label={props.label}>
      {props.buttons.map(({ sign, label, onClick, isDisabled }) => (
        <button
          key={sign}
          type="button"
          className="jp-flowkernel-icon-button"
          aria-label={label}
          aria-disabled={isDisabled}
          title={label}
          onClick={onClick}
        >
          {sign}
        </button>
      ))}
    </div>
  );
}
