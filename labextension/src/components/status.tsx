/** The status of a run: a shape, a colour and a word, so that none of them is needed alone. */
import { statusWord } from '../model/words';
import type { ExecutionStatus } from '../wire';
import { useTrans } from './context';

/** In a square of 16 by 16. */
const SHAPES: { readonly [status in ExecutionStatus]: JSX.Element } = {
  PENDING: <circle cx="8" cy="8" r="5.2" strokeDasharray="2 2" />,
  QUEUED: (
    <>
      <circle cx="3.6" cy="8" r="1" />
      <circle cx="8" cy="8" r="1" />
      <circle cx="12.4" cy="8" r="1" />
    </>
  ),
  RUNNING: (
    <>
      <circle cx="8" cy="8" r="6" opacity="0.3" />
      <path d="M14 8 A6 6 0 0 0 8 2" />
    </>
  ),
  WAITING: (
    <>
      <circle cx="8" cy="8" r="6" />
      <path d="M8 4.6 V8 L10.4 9.6" />
    </>
  ),
  PAUSED: <path d="M5.6 3.6 V12.4 M10.4 3.6 V12.4" />,
  ENDED_SUCCESS: <path d="M3.2 8.6 L6.6 12 L12.8 4.6" />,
  ENDED_ERROR: <path d="M4 4 L12 12 M12 4 L4 12" />,
  ENDED_CANCELLED: (
    <>
      <circle cx="8" cy="8" r="5.8" />
      <path d="M4 12 L12 4" />
    </>
  )
};

/** The shape alone, for where the word stands beside it. */
export function StatusIcon(props: {
  readonly status: ExecutionStatus;
  readonly title?: string;
}): JSX.Element {
  const { status, title } = props;
  return (
    <svg
      className="jp-flowkernel-status-icon"
      data-status={status}
      viewBox="0 0 16 16"
      role={title === undefined ? undefined : 'img'}
      aria-label={title}
      aria-hidden={title === undefined}
    >
      {SHAPES[status]}
    </svg>
  );
}

/** The shape and the word. */
export function Status(props: {
  readonly status: ExecutionStatus;
}): JSX.Element {
  const trans = useTrans();
  return (
    <span className="jp-flowkernel-run-status" data-status={props.status}>
      <StatusIcon status={props.status} />
      {statusWord(props.status, trans)}
    </span>
  );
}
