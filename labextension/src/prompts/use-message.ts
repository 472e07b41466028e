/** A message, read again after each change of it, and the run that it is about. */
import { useFlowkernel, useStore } from '../components/context';
import type { IRead } from '../components/reading';
import { useReading } from '../components/reading';
import type { IFlowkernel } from '../tokens';
import type { IExecution, IMessage, IMessageRow } from '../wire';

export interface IPrompt {
  readonly message: IMessage;
  /** The run that failed; null: it was deleted, or there is none. */
  readonly failed: IExecution | null;
}

/** What is known of a message; its row is current, also while the rest is read. */
export function usePrompt(messageId: string): IRead<IPrompt> {
  const flowkernel = useFlowkernel();
  const version = useMessageRow(messageId)?.last_seq ?? 0;
  return useReading(messageId, version, () =>
    readPrompt(flowkernel, messageId)
  );
}

/** Its row as it is now; undefined: this window does not know it. */
export function useMessageRow(messageId: string): IMessageRow | undefined {
  const { store } = useFlowkernel();
  return useStore(() => store.message(messageId), 'messages');
}

async function readPrompt(
  { api }: IFlowkernel,
  messageId: string
): Promise<IPrompt> {
  const message = await api.message(messageId);
  if (message.about_id === null) {
    return { message, failed: null };
  }
  try {
    return { message, failed: await api.execution(message.about_id) };
  } catch {
    return { message, failed: null }; // The text says what a person has to know.
  }
}
