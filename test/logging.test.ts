import { env } from '../lib/env';
import { getLogLevel, LogLevel, setLogHook, setLogLevel } from '../lib/logging';

describe('settings of the process', () => {
  it('have a log level that is a number, and else keep the one before', () => {
    const before = getLogLevel();
    for (const level of ['error', Number.NaN, null, undefined, true]) {
      expect(() => setLogLevel(level as never)).toThrow(expect.objectContaining({ code: 'ERR_TYPE' }));
      expect(() => {
        env.logLevel = level as never;
      }).toThrow(/a log level is a number, not .*LogLevel.WARNING/);
    }
    expect(getLogLevel()).toBe(before);
    env.logLevel = LogLevel.ERROR;
    expect(getLogLevel()).toBe(LogLevel.ERROR);
    setLogLevel(before);
  });

  it('have a log hook that is a function', () => {
    expect(() => setLogHook('x' as never)).toThrow(/a log hook is a function .* not a string/);
    expect(() => setLogHook(undefined as never)).toThrow(expect.objectContaining({ code: 'ERR_TYPE' }));
  });

  it('are of their types', () => {
    expect(() => {
      env.allowLocalModels = 'no' as never;
    }).toThrow(/env.allowLocalModels is a boolean, and cannot be a string/);
    expect(() => {
      env.localModelPath = null as never;
    }).toThrow(/env.localModelPath is a string, and cannot be null/);
  });
});
