import js from '@eslint/js';
import globals from 'globals';

/** Names that put text into a page as markup. */
const MARKUP = ['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'setHTMLUnsafe', 'write'];

export default [
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'array-callback-return': 'error',
      'consistent-return': 'off',
      curly: ['error', 'multi-line'],
      'default-case-last': 'error',
      eqeqeq: 'error',
      'no-alert': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-param-reassign': 'off',
      'no-promise-executor-return': 'off',
      'no-script-url': 'error',
      'no-self-compare': 'error',
      'no-shadow': 'error',
      'no-throw-literal': 'error',
      'no-unmodified-loop-condition': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_$' }],
      'no-use-before-define': ['error', { functions: false, classes: false, variables: false }],
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'require-atomic-updates': 'off',
      'max-lines': ['error', 400],
    },
  },
  {
    files: ['static/**/*.js'],
    languageOptions: { globals: globals.browser },
    rules: {
      'no-restricted-properties': [
        'error',
        ...MARKUP.map((property) => ({ property, message: 'Text is never markup: build elements with el().' })),
      ],
    },
  },
  { files: ['static/push-worker.js'], languageOptions: { globals: globals.serviceworker, sourceType: 'script' } },
  { files: ['static/widget.js'], languageOptions: { sourceType: 'script', globals: { replyx: 'readonly' } } },
  { files: ['tests/javascript/*.js'], languageOptions: { globals: { ...globals.node, window: 'readonly' } } },
  { files: ['tests/**/*.cjs', 'tests/bench/peers/*.js'], languageOptions: { globals: globals.node, sourceType: 'commonjs' } },
];
