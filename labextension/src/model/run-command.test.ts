import { execFileSync } from 'node:child_process';

import { describe, expect, it } from 'vitest';

import type { IExecution, JsonObject } from '../wire';
import { aRow } from './factories';
import {
  cliValue,
  commandTexts,
  pythonLiteral,
  shellWord,
  startWordsOf
} from './run-command';

const FLOW = {
  name: 'report',
  path: null,
  flow_version: 'v',
  wrappers: []
} as const;

function execution(values: Partial<IExecution> = {}): IExecution {
  const columns = { inputs: {}, wrapped: null, environment: {} };
  return { ...aRow(), ...columns, ...values } as IExecution;
}

function texts(
  values: Partial<IExecution>,
  flow: Parameters<typeof startWordsOf>[1] = FLOW,
  path: string | null = null
) {
  return commandTexts(startWordsOf(execution(values), flow, { path }));
}

/** The words that a shell makes of a command. */
function shellWords(command: string): readonly string[] {
  const script = `show() { printf '%s\\0' "$@"; }; show ${command}`;
  const output = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
  return output.split('\0').slice(0, -1);
}

const STRANGE = [
  "it's",
  '$(touch x) `y` $HOME',
  'a\nb',
  '*',
  '~root',
  '!!',
  '',
  '"quoted"',
  '\\',
  'two  spaces',
  '#no',
  'ä😀',
  '; rm -rf /'
];

describe('a run that keeps its kernel', () => {
  it('is started so again', () => {
    const { commandLine, magic, curl } = texts({ keeps_kernel: true });

    expect(commandLine).toBe('flowkernel run report --keep-kernel');
    expect(magic).toBe('%flow_run report --keep-kernel');
    expect(curl).toContain('"keep_kernel":true');
  });
});

describe('a word of a shell', () => {
  it.each(STRANGE)('is %j again', text => {
    expect(shellWords(shellWord(text))).toEqual([text]);
  });

  it('has no quotes where none are needed', () => {
    expect(shellWord('notebooks/report-1.ipynb')).toBe(
      'notebooks/report-1.ipynb'
    );
  });
});

describe('a value for the command', () => {
  it.each([
    ['monday', 'monday'],
    ['2026-01-31', '2026-01-31'],
    ['3', '"3"'],
    ['-2.5e3', '"-2.5e3"'],
    ['None', '"None"'],
    ['[1', '"[1"'],
    ['"x"', '"\\"x\\""'],
    ['{}', '"{}"'],
    [3, '3'],
    [true, 'true'],
    [null, 'null'],
    [[1, 'a'], '[1,"a"]']
  ])('of %j is %s', (value, text) => {
    expect(cliValue(value)).toBe(text);
  });
});

describe('a Python literal', () => {
  it.each([
    [null, 'None'],
    [false, 'False'],
    [1.5, '1.5'],
    ['a"b\\n\n', '"a\\"b\\\\n\\n"'],
    ['\u2028\u0000\u202e', '"\\u2028\\u0000\\u202e"'],
    ['\ud800', '"\\ud800"'],
    [{ a: [true, null] }, '{"a": [True, None]}']
  ])('of %j is %s', (value, text) => {
    expect(pythonLiteral(value)).toBe(text);
  });
});

describe('the commands of a run', () => {
  const inputs: JsonObject = { day: '2026-01-31', n: '3', shops: ['a', "b's"] };

  it('name its flow and its inputs', () => {
    const { commandLine, magic, curl } = texts({ inputs });
    expect(shellWords(commandLine!)).toEqual([
      ...['flowkernel', 'run', 'report', '-p', 'day', '2026-01-31'],
      ...['-p', 'n', '"3"', '-p', 'shops', '["a","b\'s"]']
    ]);
    expect(magic).toBe(
      '%flow_run report day="2026-01-31" n="3" shops=["a", "b\'s"]'
    );
    const [body] = shellWords(curl.replace(/^curl/, 'x')).slice(-1);
    expect(JSON.parse(body!)).toEqual({ flow: 'report', inputs });
  });

  it('say an own name, a chosen kernel, and that a person will answer', () => {
    const { commandLine, magic } = texts({
      name: '-of "January"',
      is_interactive: true,
      environment: { is_chosen: true, kernel_name: '/envs/my env' }
    });
    expect(shellWords(commandLine!).slice(3)).toEqual([
      '--name=-of "January"',
      '--kernel',
      '/envs/my env',
      '--interactive'
    ]);
    expect(magic).toBe(
      '%flow_run report --name="-of \\"January\\"" --kernel="/envs/my env" --interactive'
    );
  });

  it('give a value that begins with a dash as one word', () => {
    const { commandLine } = texts({ inputs: { text: '--json', n: -3 } });
    expect(commandLine).toBe('flowkernel run report -p text=--json -p n -3');
  });

  it('say a registered target that looks like an option behind two dashes', () => {
    const { commandLine, magic } = texts({}, { ...FLOW, name: '-x' });
    expect(commandLine).toBe('flowkernel run -- -x');
    expect(magic).toBeNull();
  });

  it('leave out the wrappers that the flow has itself', () => {
    const own = { name: 'timeout', inputs: { timeout_sec: 60 } };
    const { commandLine, magic, curl } = texts(
      {
        type: 'WRAPPER',
        flow_name: 'retry',
        name: 'report (retry)',
        inputs: { max_tries: 5 },
        wrapped: {
          flow_name: 'report',
          name: 'report',
          inputs: { day: 'monday' },
          wrappers: [own]
        }
      },
      { ...FLOW, wrappers: [own] }
    );
    expect(commandLine).toBe(
      'flowkernel run report -p day monday --using retry --max-tries 5'
    );
    expect(magic).toBe(
      '%flow_run report day="monday" --using retry --max-tries 5'
    );
    expect(curl).toContain(
      '"using":[{"name":"retry","inputs":{"max_tries":5}}]'
    );
  });

  it('are only over REST if a wrapper takes what is an option of the command', () => {
    const { commandLine, magic } = texts({
      type: 'WRAPPER',
      flow_name: 'mine',
      inputs: { name: 'x' },
      wrapped: { flow_name: 'report', name: 'report' }
    });
    expect([commandLine, magic]).toEqual([null, null]);
  });

  it('name the file of a flow that is not registered, or is another one by now', () => {
    const values = { execution_id: 'id', flow_name: 'report' };
    const [unknown, other] = [
      texts(values, null, '/home/ada/my report.ipynb'),
      texts(values, { ...FLOW, path: '/b.ipynb' }, '/home/ada/my report.ipynb')
    ];
    expect(unknown.commandLine).toBe(
      "flowkernel run '/home/ada/my report.ipynb'"
    );
    expect(unknown.magic).toBe('%flow_run "/home/ada/my report.ipynb"');
    expect(unknown.curl).toContain('"clone_of":"id"');
    expect(other).toEqual(unknown);
  });

  it('send to a clone of a wrapper around a file the inputs of the wrapper', () => {
    const values = {
      type: 'WRAPPER',
      flow_name: 'retry',
      inputs: { max_tries: 5 },
      wrapped: { flow_name: 'sales', name: 'sales', inputs: { day: 'monday' } }
    } as const;

    const { curl, commandLine } = texts(values, null, '/a/sales.ipynb');

    expect(curl).toContain('"inputs":{"max_tries":5}');
    expect(curl).not.toContain('monday');
    expect(commandLine).toContain('-p day monday');
  });

  it('retry a run whose source has neither a name nor a file', () => {
    const found = texts({ execution_id: 'id' }, null);
    expect(found.commandLine).toBe('flowkernel execution retry id');
    expect(found.magic).toBe('%execution id --retry');
  });
});
