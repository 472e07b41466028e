/** Durations that tick without a request, and moments as ages. */
import {
  agoText,
  durationText,
  leftText,
  momentOf,
  tookOf
} from '../model/durations';
import type { IExecutionRow } from '../wire';
import { useNow, useSlowNow, useTrans } from './context';

const RELATIVE = new Intl.RelativeTimeFormat(undefined, {
  numeric: 'auto',
  style: 'short'
});
const WHOLE = new Intl.DateTimeFormat(undefined, {
  dateStyle: 'medium',
  timeStyle: 'medium'
});

/** What a run took, or has taken until now; and what it waited for people. */
export function Took(props: {
  readonly run: IExecutionRow;
  /** Leave out the time in which it waited for people. */
  readonly isShort?: boolean;
}): JSX.Element | null {
  const { run, isShort } = props;
  const trans = useTrans();
  const now = useNow(run.ended_at === null && run.started_at !== null);
  const took = tookOf(run, now);
  if (took === null) {
    return null;
  }
  const work = durationText(took.work);
  const waited = durationText(took.waited);
  const isLong = took.waited >= 1;
  const sentence = isLong
    ? trans.__('%1, and %2 waiting for a person', work, waited)
    : work;
  return (
    <span className="jp-flowkernel-took" title={sentence}>
      {isShort || !isLong ? work : sentence}
    </span>
  );
}

/** A moment as its age: `5 min. ago`; the moment itself in the tool tip. */
export function Ago(props: { readonly at: string | null }): JSX.Element | null {
  const trans = useTrans();
  const now = useSlowNow();
  const moment = momentOf(props.at);
  if (moment === null) {
    return null;
  }
  const formats = { relative: RELATIVE, now: trans.__('just now') };
  return (
    <time
      className="jp-flowkernel-ago"
      dateTime={props.at ?? undefined}
      title={WHOLE.format(moment)}
    >
      {agoText(moment, now, formats)}
    </time>
  );
}

/** How long it is until a moment: `29 min left`; the moment itself in the tool tip. */
export function Left(props: {
  readonly at: string | null;
}): JSX.Element | null {
  const trans = useTrans();
  const now = useSlowNow();
  const moment = momentOf(props.at);
  if (moment === null) {
    return null;
  }
  return (
    <time dateTime={props.at ?? undefined} title={WHOLE.format(moment)}>
      {trans.__('%1 left', leftText(moment, now))}
    </time>
  );
}

/** A moment in full. */
export function momentText(at: string | null): string {
  const moment = momentOf(at);
  return moment === null ? '' : WHOLE.format(moment);
}
