/** The time of a line of a log, in the zone of the person who reads it. */
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hour12: false
});

/** `12:05:00.123`; empty: the moment is not known. Milliseconds. */
export function clockText(moment: number | null): string {
  return moment === null ? '' : CLOCK.format(moment);
}
