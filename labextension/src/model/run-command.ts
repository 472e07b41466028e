/**
 * How a run is started again from a terminal, a cell, or a program, as texts to copy.
 *
 * Whatever the values are, each text is read as they were: a text that looks like a number
 * stays text, and no character of it means anything to a shell.
 */
import type {
  IExecution,
  IFlow,
  IFlowVersion,
  IWrapperUse,
  Json,
  JsonObject
} from '../wire';

export interface ICommandTexts {
  /** Null: what the run had cannot be said so. */
  readonly commandLine: string | null;
  readonly magic: string | null;
  readonly curl: string;
}

/** What a run was started with. */
export interface IStartWords {
  /** The name of a flow or the path of a file; null: its source has neither. */
  readonly target: string | null;
  readonly isRegistered: boolean;
  readonly executionId: string;
  readonly inputs: JsonObject;
  /** Outermost first, without those that the flow has itself. */
  readonly using: readonly IWrapperUse[];
  /** Null: that of the flow. */
  readonly name: string | null;
  /** Null: that of the flow. */
  readonly kernel: string | null;
  readonly isInteractive: boolean;
  /** Null: nobody said so. */
  readonly isAttended: boolean | null;
  readonly keepsKernel: boolean;
}

/**
 * What a run was started with.
 *
 * @param flow The flow that has the name of its flow now; null: there is none.
 * @param version What it ran; null: not known.
 */
export function startWordsOf(
  execution: IExecution,
  flow: Pick<IFlow, 'name' | 'path' | 'flow_version' | 'wrappers'> | null,
  version: Pick<IFlowVersion, 'path'> | null
): IStartWords {
  const wrapped = execution.type === 'WRAPPER' ? execution.wrapped : null;
  const flowName = ranFlow(execution);
  const path = version?.path ?? null;
  const isRegistered = flow !== null && (path === null || path === flow.path);
  const outer = wrappersAround(execution);
  const name = textOf(wrapped?.['name']) ?? execution.name;
  return {
    target: isRegistered ? flow.name : path,
    isRegistered,
    executionId: execution.execution_id,
    inputs: objectOf(wrapped === null ? execution.inputs : wrapped['inputs']),
    using: isRegistered ? withoutOwn(outer, flow.wrappers) : outer,
    name: name === flowName ? null : name,
    kernel: kernelOf(
      objectOf(wrapped?.['environment'] ?? execution.environment)
    ),
    isInteractive: execution.is_interactive,
    isAttended: execution.is_attended,
    keepsKernel: execution.keeps_kernel === true
  };
}

/** The flow that it is about: of a wrapper, the one that it runs. */
export function ranFlow(execution: IExecution): string | null {
  return execution.type === 'WRAPPER'
    ? textOf(execution.wrapped?.['flow_name'])
    : execution.flow_name;
}

/** The hash of what it ran; null: not known. */
export function ranVersion(execution: IExecution): string | null {
  return execution.type === 'WRAPPER'
    ? textOf(execution.wrapped?.['flow_version'])
    : execution.flow_version;
}

export function commandTexts(words: IStartWords): ICommandTexts {
  const id = words.executionId;
  if (words.target === null) {
    return {
      commandLine: `flowkernel execution retry ${id}`,
      magic: `%execution ${id} --retry`,
      curl: curlOf(words)
    };
  }
  return {
    commandLine: commandLineOf(words, words.target),
    magic: magicOf(words, words.target),
    curl: curlOf(words)
  };
}

/** The wrappers that it ran through, outermost first: of anything but a wrapper none. */
export function wrappersAround(execution: IExecution): readonly IWrapperUse[] {
  const wrapped = execution.type === 'WRAPPER' ? execution.wrapped : null;
  if (wrapped === null) {
    return [];
  }
  const own = {
    name: execution.flow_name ?? '',
    inputs: objectOf(execution.inputs)
  };
  const inner = Array.isArray(wrapped['wrappers']) ? wrapped['wrappers'] : [];
  return [own, ...(inner as readonly IWrapperUse[])];
}

/** Those of the flow are the innermost, and need not be said. */
function withoutOwn(
  wrappers: readonly IWrapperUse[],
  own: readonly IWrapperUse[]
): readonly IWrapperUse[] {
  const count = wrappers.length - own.length;
  const isOwn =
    count >= 0 &&
    own.every((use, place) => isEqual(use, wrappers[count + place]!));
  return isOwn ? wrappers.slice(0, count) : wrappers;
}

function isEqual(a: IWrapperUse, b: IWrapperUse): boolean {
  const sorted = (use: IWrapperUse): string =>
    JSON.stringify([use.name, Object.entries(use.inputs).sort()]);
  return sorted(a) === sorted(b);
}

function kernelOf(environment: JsonObject): string | null {
  return environment['is_chosen'] === true
    ? textOf(environment['kernel_name'])
    : null;
}

// The command line.

/** Options of the command: no parameter of a wrapper can be given under these names. */
const OPTIONS: ReadonlySet<string> = new Set([
  ...['--parameter', '--name', '--using', '--interactive', '--attended'],
  ...['--unattended', '--help', '--allow-extra', '--kernel', '--env'],
  ...['--keep-kernel', '--detach', '--no-wait', '--json']
]);

function commandLineOf(words: IStartWords, target: string): string | null {
  const wrappers = wrapperWords(words.using, cliValue);
  if (wrappers === null) {
    return null;
  }
  const options = [
    ...Object.entries(words.inputs).flatMap(([name, value]) =>
      cliPair(name, cliValue(value))
    ),
    ...wrappers,
    ...flagWords(words, optionWords)
  ];
  const all = target.startsWith('-')
    ? [...options, '--', target]
    : [target, ...options];
  return ['flowkernel', 'run', ...all.map(shellWord)].join(' ');
}

function cliPair(name: string, text: string): readonly string[] {
  return text.startsWith('-') && !/^-[\d.]/.test(text)
    ? ['-p', `${name}=${text}`]
    : ['-p', name, text];
}

/** Words behind `--using`; null: an option of the command has the name of a parameter. */
function wrapperWords(
  using: readonly IWrapperUse[],
  textOf: (value: Json) => string
): readonly string[] | null {
  const words: string[] = [];
  for (const { name, inputs } of using) {
    words.push('--using', name);
    for (const [parameter, value] of Object.entries(inputs)) {
      const option = `--${parameter.replaceAll('_', '-')}`;
      const text = textOf(value);
      if (OPTIONS.has(option)) {
        return null;
      }
      words.push(...optionWords(option, text));
    }
  }
  return words;
}

function optionWords(option: string, text: string): readonly string[] {
  return text.startsWith('-') ? [`${option}=${text}`] : [option, text];
}

function flagWords(
  words: IStartWords,
  option: (name: string, text: string) => readonly string[]
): readonly string[] {
  const attended = words.isAttended === true ? '--attended' : '--unattended';
  return [
    ...(words.name === null ? [] : option('--name', words.name)),
    ...(words.kernel === null ? [] : option('--kernel', words.kernel)),
    ...(words.keepsKernel ? ['--keep-kernel'] : []),
    ...(words.isInteractive
      ? ['--interactive']
      : words.isAttended === null
        ? []
        : [attended])
  ];
}

const CLI_CONSTANTS: ReadonlySet<string> = new Set([
  ...['true', 'false', 'none', 'null']
]);
const CLI_NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A value as the command reads it: a text that reads as another value is in quotes. */
export function cliValue(value: Json): string {
  if (typeof value !== 'string') {
    return JSON.stringify(value);
  }
  const isOther =
    CLI_CONSTANTS.has(value.toLowerCase()) ||
    CLI_NUMBER.test(value) ||
    /^[{["]/.test(value);
  return isOther ? JSON.stringify(value) : value;
}

const PLAIN_WORD = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** A word of a POSIX shell that stands for this text. */
export function shellWord(text: string): string {
  return PLAIN_WORD.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

// The magic.

function magicOf(words: IStartWords, target: string): string | null {
  const wrappers = wrapperWords(words.using, pythonLiteral);
  if (wrappers === null || target.startsWith('-')) {
    return null;
  }
  const inputs = Object.entries(words.inputs).map(
    ([name, value]) => `${name}=${pythonLiteral(value)}`
  );
  const flags = flagWords(words, (name, text) => [
    `${name}=${pythonLiteral(text)}`
  ]);
  const all = [magicWord(target), ...inputs, ...wrappers, ...flags];
  return ['%flow_run', ...all].join(' ');
}

/** A word of the line of a magic that stands for this text. */
function magicWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : pythonLiteral(text);
}

/** A value as Python writes it, on one line. */
export function pythonLiteral(value: Json): string {
  if (value === null) {
    return 'None';
  }
  if (typeof value === 'boolean') {
    return value ? 'True' : 'False';
  }
  if (typeof value === 'number') {
    return JSON.stringify(value);
  }
  if (typeof value === 'string') {
    return pythonText(value);
  }
  if (Array.isArray(value)) {
    return `[${(value as readonly Json[]).map(pythonLiteral).join(', ')}]`;
  }
  const items = Object.entries(value as JsonObject).map(
    ([name, item]) => `${pythonText(name)}: ${pythonLiteral(item)}`
  );
  return `{${items.join(', ')}}`;
}

const ESCAPES: { readonly [character: string]: string } = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t'
};

/** Also what ends a line for some editor, or is half of a character, is written as a number. */
function pythonText(text: string): string {
  const inner = [...text].map(character => {
    const code = character.codePointAt(0)!;
    const isStrange =
      code < 0x20 ||
      (code >= 0x7f && code < 0xa0) ||
      (code >= 0x2028 && code <= 0x202e) ||
      (code >= 0x2066 && code <= 0x2069) ||
      (code >= 0xd800 && code < 0xe000);
    const number = code.toString(16).padStart(4, '0');
    return ESCAPES[character] ?? (isStrange ? `\\u${number}` : character);
  });
  return `"${inner.join('')}"`;
}

// Over REST.

function curlOf(words: IStartWords): string {
  const body: { [name: string]: Json } =
    words.isRegistered && words.target !== null
      ? { flow: words.target }
      : { clone_of: words.executionId };
  const inputs = bodyInputs(words);
  if (Object.keys(inputs).length > 0) {
    body['inputs'] = inputs;
  }
  if (words.name !== null) {
    body['name'] = words.name;
  }
  if (words.using.length > 0 && words.isRegistered) {
    body['using'] = words.using as unknown as Json;
  }
  if (words.isInteractive) {
    body['is_interactive'] = true;
  }
  if (words.keepsKernel) {
    body['keep_kernel'] = true;
  }
  return [
    'curl -s "$URL/api/latest/execution"',
    '-H "Authorization: Bearer $TOKEN"',
    '-H "Content-Type: application/json"',
    `-d ${shellWord(JSON.stringify(body))}`
  ].join(' \\\n  ');
}

/** A clone of a wrapper takes inputs of the wrapper: what it runs gets what it got. */
function bodyInputs({ isRegistered, using, inputs }: IStartWords): JsonObject {
  const [outermost] = using;
  return isRegistered || outermost === undefined ? inputs : outermost.inputs;
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function objectOf(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : {};
}
