/** A choice that is on or off. */
export function Check(props: {
  readonly label: string;
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
}): JSX.Element {
  return (
    <label className="jp-flowkernel-check">
      <input
        type="checkbox"
        checked={props.isOn}
        onChange={event => props.onChange(event.target.checked)}
      />
      {props.label}
    </label>
  );
}
