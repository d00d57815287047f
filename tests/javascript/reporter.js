/** One line of JSON for each test that has ended, for `conftest.py`. */
export default async function* report(source) {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const { error } = data.details;
    const why = error ? String(error.cause?.stack ?? error.cause ?? error.stack) : '';
    yield `${JSON.stringify({ name: data.name, passed: type === 'test:pass', skipped: Boolean(data.skip), why })}\n`;
  }
}
