/** How a message is answered: what was typed, which button was pressed, and what came of it. */
import { useRef, useState } from 'react';

import { EngineError, sentenceOf } from '../model/errors';
import type { FormTexts, IField, IFormButton, Problems } from '../model/forms';
import {
  buttonsOf,
  initialTexts,
  isOf,
  readForm,
  withoutProblem
} from '../model/forms';
import type { IFlowkernel } from '../tokens';
import type { IForm, IMessage } from '../wire';
import { useFlowkernel, useTrans } from './context';

const NO_FORM: IForm = { type: 'object', properties: {} };

export interface IAnswering {
  readonly buttons: readonly IFormButton[];
  /** The fields that belong to no button alone. */
  readonly common: readonly IField[];
  readonly texts: FormTexts;
  readonly problems: Problems;
  /** Why it was not answered; empty: nobody tried, or it was. */
  readonly refusal: string;
  /** How often it was found that something in the form is wrong. */
  readonly refusals: number;
  /** The button whose question is to be answered first. */
  readonly question: IFormButton | null;
  readonly isSending: boolean;
  readonly setText: (name: string, text: string) => void;
  /** Send the answer; a button that asks first asks. */
  readonly press: (button: IFormButton) => void;
  /** The answer to that question. */
  readonly decide: (isSure: boolean) => void;
}

/** The form of a message; one that has none has a button. */
export function formOf(message: IMessage): IForm {
  return message.body ?? NO_FORM;
}

export function useAnswering(
  message: IMessage,
  fields: readonly IField[],
  onAnswered: (answered: IMessage) => void
): IAnswering {
  const flowkernel = useFlowkernel();
  const trans = useTrans();
  const form = formOf(message);
  const [typed, setTyped] = useState<FormTexts>({});
  const [problems, setProblems] = useState<Problems>({});
  const [refusal, setRefusal] = useState('');
  const [refusals, setRefusals] = useState(0);
  const [question, setQuestion] = useState<IFormButton | null>(null);
  const [isSending, setSending] = useState(false);
  // Of several presses the last one counts, and none while an answer is on its way.
  const round = useRef(0);
  const buttons = buttonsOf(form, trans.__('OK'));
  const common = fields.filter(
    field => !buttons.some(button => isOf(field, button))
  );
  // What was typed stays, also if the form changes because a kernel was lost.
  const texts = { ...initialTexts(fields), ...typed };

  const send = async (button: IFormButton): Promise<void> => {
    const sent = [...common, ...fields.filter(field => isOf(field, button))];
    const read = readForm(sent, texts, button.required ?? form.required ?? []);
    setProblems(read.problems);
    setRefusal('');
    setQuestion(null);
    if (Object.keys(read.problems).length > 0) {
      setRefusals(now => now + 1);
      return;
    }
    round.current += 1; // A question that is still being read comes too late.
    setSending(true);
    try {
      const response = { ...read.values, [button.name]: true };
      const { message_id: id } = message;
      onAnswered(await flowkernel.api.answer(id, response));
    } catch (error) {
      setRefusal(sentenceOf(error));
      setSending(false);
      if (!(error instanceof EngineError)) {
        throw error;
      }
    }
  };
  const press = async (button: IFormButton): Promise<void> => {
    if (isSending) {
      return;
    }
    round.current += 1;
    const own = round.current;
    if (button.confirm === '') {
      await send(button);
      return;
    }
    const current = await currentButton(flowkernel, message, button);
    if (own === round.current) {
      setQuestion(current);
    }
  };

  return {
    buttons,
    common,
    texts,
    problems,
    refusal,
    refusals,
    question,
    isSending,
    setText: (name, text) => {
      setTyped(now => ({ ...now, [name]: text }));
      setProblems(now => withoutProblem(now, name));
    },
    press: button => void press(button),
    decide: isSure => {
      if (isSure && question !== null) {
        void send(question);
      } else {
        round.current += 1;
        setQuestion(null);
      }
    }
  };
}

/** The button as it is now: its question says how many runs it would end. */
async function currentButton(
  { api }: IFlowkernel,
  message: IMessage,
  button: IFormButton
): Promise<IFormButton> {
  try {
    const now = await api.message(message.message_id);
    const buttons = buttonsOf(formOf(now), button.label);
    return buttons.find(({ name }) => name === button.name) ?? button;
  } catch {
    return button; // The answer says what is wrong.
  }
}
