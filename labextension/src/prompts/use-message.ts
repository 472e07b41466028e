/** A message, read again after each change of it, and the run that it is about. */
import { useEffect, useState } from 'react';

import { useFlowkernel, useStore } from '../components/context';
import type { IFlowkernel } from '../tokens';
import type { IExecution, IMessage, IMessageRow } from '../wire';

export interface IAsked {
  readonly message: IMessage;
  /** The run that failed; null: it was deleted, or there is none. */
  readonly failed: IExecution | null;
}

export type AskedView =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | ({ readonly kind: 'ready' } & IAsked);

/** What is known of a message; its row is current, also while the rest is read. */
export function useAsked(messageId: string): AskedView {
  const flowkernel = useFlowkernel();
  const [view, setView] = useState<AskedView>({ kind: 'loading' });
  const row = useMessageRow(messageId);
  const seq = row?.last_seq ?? 0;
  useEffect(() => {
    let isShown = true;
    readAsked(flowkernel, messageId).then(
      asked => isShown && setView({ kind: 'ready', ...asked }),
      (error: unknown) => isShown && setView({ kind: 'failed', error })
    );
    return () => {
      isShown = false;
    };
  }, [flowkernel, messageId, seq]);
  return view;
}

/** Its row as it is now; undefined: this window does not know it. */
export function useMessageRow(messageId: string): IMessageRow | undefined {
  const { store } = useFlowkernel();
  return useStore(() => store.message(messageId), 'messages');
}

async function readAsked(
  { api }: IFlowkernel,
  messageId: string
): Promise<IAsked> {
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
