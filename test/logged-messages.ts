import { setLogHook } from '../lib/logging';

/** The messages that are told while a test of the file runs: every test begins without any. */
export function loggedMessages(): readonly string[] {
  const logged: string[] = [];
  beforeEach(() => {
    logged.length = 0;
    setLogHook((_, message) => logged.push(message));
  });
  afterEach(() => setLogHook(null));
  return logged;
}
