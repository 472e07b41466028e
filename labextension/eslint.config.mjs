import jupyter from '@jupyter/eslint-plugin';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['lib', 'node_modules', 'style'] },
  ...tseslint.configs.recommended,
  ...jupyter.configs.recommended,
  {
    files: ['src/**/*.ts', 'src/**/*.tsx'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/naming-convention': [
        'error',
        {
          selector: 'interface',
          format: ['PascalCase'],
          custom: { regex: '^I[A-Z]', match: true }
        }
      ],
      // Our client is needed while Lab starts, by every other plugin.
      'jupyter/prefer-lazy-imports': 'off',
      eqeqeq: 'error',
      curly: 'error'
    }
  },
  {
    files: ['src/**/*.test.ts'],
    rules: { 'jupyter/no-untranslated-string': 'off' }
  }
);
